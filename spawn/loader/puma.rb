# Puma's configuration under Purser, given with -C so that the app's own config/puma.rb (binds,
# workers, the tmp_restart plugin) stays out of it. Socket, threads and environment come as flags.

# Longer than the front keeps an idle connection, so that it is never closed under a new request.
persistent_timeout 600

# TERM is how Purser asks to stop: an exit with status 0, not a death by signal.
raise_exception_on_sigterm false

# stdin closes when Purser asks to stop (then TERM does the work) and when Purser is gone (then the
# parent changes, and there is nobody left to serve).
Thread.new do
  parent = Process.ppid
  begin
    nil while $stdin.readpartial(4096)
  rescue EOFError, SystemCallError, IOError
    sleep 0.1 while Process.ppid == parent
    exit!(1)
  end
end
