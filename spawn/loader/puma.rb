# Puma's configuration under Purser, given with -C so that the app's own config/puma.rb (binds,
# workers, the tmp_restart plugin) stays out of it. Socket, threads and environment come as flags.

# Longer than the front keeps an idle connection, so that it is never closed under a new request.
persistent_timeout 600

# TERM is how Purser asks to stop: an exit with status 0, not a death by signal.
raise_exception_on_sigterm false

# Or the last lines before a crash never come.
$stdout.sync = true

# Below a path, Rack has it in SCRIPT_NAME, and PATH_INFO is the rest. HTTPS is as in CGI, and with
# Passenger.
base = ENV['PURSER_PATH']
Puma::Configuration.prepend(Module.new do
  define_method(:app) do
    inner = super()
    lambda do |env|
      env['HTTPS'] = 'on' if env['rack.url_scheme'] == 'https'
      path = env['PATH_INFO']
      if base && (path == base || path.start_with?("#{base}/"))
        env['SCRIPT_NAME'] = base
        env['PATH_INFO'] = path.delete_prefix(base)
      end
      inner.call(env)
    end
  end
end)

# stdin closes when Purser asks to stop (then TERM does the work) and when Purser is gone (then the
# parent changes, and there is nobody left to serve).
watch_stdin = lambda do
  Thread.new do
    parent = Process.ppid
    begin
      nil while $stdin.readpartial(4096)
    rescue EOFError, SystemCallError, IOError
      sleep 0.1 while Process.ppid == parent
      exit!(1)
    end
  end
end
watch_stdin.call

# The signal asks a process that hangs to print where: every thread's backtrace, those that wait
# alike together, the deepest last, so that it is among the last lines that Purser shows. Handlers
# run on the main thread, which Puma leaves idle; no lock may be taken in them, hence no $stderr.puts.
trap_backtrace = lambda do
  if (signal = ENV['PURSER_BACKTRACE_SIGNAL'])
    most = 40 # lines of a backtrace: Purser shows 50
    stderr = $stderr.dup # still Purser's pipe when the app redirects its own
    Signal.trap(signal) do
      here = caller # where the main thread was; its backtrace also has what is written here
      alike = Thread.list.group_by { |t| t == Thread.current ? here : t.backtrace || [] }
      alike.sort_by { |backtrace, _| backtrace.size }.each do |backtrace, threads|
        lines = threads.map(&:inspect)
        lines += backtrace.first(most).map { |frame| "  #{frame}" }
        lines << "  and #{backtrace.size - most} more" if backtrace.size > most
        stderr.syswrite(lines.join("\n") << "\n")
      end
    end
  end
end
trap_backtrace.call

# With preload, this process loads the app, and what is forked from it goes on here: as if Puma had just been started,
# with the app loaded and a socket of its own.
require File.expand_path('source', File.dirname(__FILE__))
if PurserSource.wanted?
  Puma::Configuration.prepend(Module.new do
    define_method(:load_rackup) { @loaded_rackup ||= super() }
    private :load_rackup
  end)
  Puma::Launcher.prepend(Module.new do
    define_method(:run) do
      PurserSource.run { config.app }
      options[:binds] = ["unix://#{ENV['PURSER_SOCKET']}"]
      watch_stdin.call
      trap_backtrace.call
      super()
    end
  end)
end
