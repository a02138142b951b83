# The Rack app of the black-box tests: its version is read at boot.
VERSION = File.read(File.join(__dir__, "VERSION")).strip

raise "this release is broken" if VERSION == "broken"

run lambda { |env|
  body = env["rack.input"]&.read.to_s
  text = "v=#{VERSION} pid=#{Process.pid} ruby method=#{env["REQUEST_METHOD"]} path=#{env["PATH_INFO"]} body=#{body}\n"
  [200, { "content-type" => "text/plain" }, [text]]
}
