# A fork source: a process that has loaded the app, and from which the app's processes are forked (preload = true).
#
# The keeper, which is its parent, asks for each on a socket. Who is forked becomes a child of the keeper, says so on a
# socket of its own, by which the kernel tells the keeper its pid, and goes on once it is told to. Messages are a
# version, a verb, and two numbers; with the request come the text of the program, stdin, stdout, stderr and that socket.
#
# With PURSER_REFORK a process keeps its socket, and hears on it that it is to become a fork source itself.
module PurserSource
  VERSION = 1
  LOADED, BORN = 'i'.ord, 'I'.ord
  FILES = 5
  PRCTL = { 'x86_64' => 157, 'aarch64' => 167 }.freeze # numbers of the system call
  PR_SET_PDEATHSIG = 1

  module_function

  # Whether this process is to be one.
  def wanted?
    ENV.key?('PURSER_SOURCE')
  end

  # Loads the app by the block, and forks when it is asked to. It returns in each process that is forked, and never in
  # the source.
  def run
    require 'socket'
    number = ENV.delete('PURSER_SOURCE').to_i
    ENV.delete('PURSER_REFORK')
    IO.for_fd(number, autoclose: false).close_on_exec = true # or what the app starts when it is loaded would have it, too
    yield
    compact
    fork_for(Socket.for_fd(number))
  end

  # Whether this process was told to become a fork source.
  def next?
    !@next.nil?
  end

  # The same for a process that has served.
  def run_next
    control = @next
    @next = nil
    compact
    fork_for(control)
  end

  def fork_for(control)
    tell_ready(control)
    loop do
      files = request(control)
      exit!(0) unless files
      if (middle = fork)
        files.each(&:close)
        await_end(middle)
      else
        middle = Process.pid
        exit!(0) if fork
        control.close
        return be_born(middle, *files)
      end
    end
  end

  def tell_ready(control)
    say(control, LOADED)
  rescue SystemCallError
    exit!(0) # another purser has come meanwhile, which wants no source of this process
  end

  def await_end(middle)
    Process.wait(middle)
  rescue Errno::ECHILD
    # the app ignores SIGCHLD, or has waited for it
  end

  # Memory that is tidy before the fork is shared for longer.
  def compact
    return Process.warmup if Process.respond_to?(:warmup)

    GC.start
    GC.compact if GC.respond_to?(:compact)
  rescue NotImplementedError
    # not on this system
  end

  def say(socket, verb)
    socket.send([VERSION, verb, 0, 0].pack('CCNN'), 0)
  end

  # The files of the next process, nil when purser wants none any more.
  def request(control)
    text, _, _, *controls = control.recvmsg(64, 0, 1024, scm_rights: true)
    return if text.nil? || text.empty?

    files = controls.flat_map(&:unix_rights)
    exit!(1) unless files.size == FILES
    files
  rescue SystemCallError
    nil
  end

  # What a process has of its own, in place of what was its source's.
  #
  # The first fork ends at once. Then the keeper is this one's parent, though it may not be the source's: an interpreter
  # may be a script that runs another and waits for it.
  def be_born(middle, text, stdin, stdout, stderr, own)
    sleep 0.001 while Process.ppid == middle
    end_with(Process.ppid) # or, if the keeper has just ended, with another, and then nobody answers below
    Process.setpgid(0, 0)
    { 0 => stdin, 1 => stdout, 2 => stderr }.each { |number, file| IO.for_fd(number, autoclose: false).reopen(file) }
    take_environment(text)
    [text, stdin, stdout, stderr].each(&:close)
    say(own, BORN)
    exit!(1) if own.recv(64).to_s.empty? # it is not wanted any more
    ENV.delete('PURSER_REFORK') ? await_word(own) : own.close
    reconnect
  end

  # It is TERM that ends what serves here, as when purser asks to stop.
  def await_word(own)
    Thread.new do
      Thread.current.name = 'purser'
      if own.recv(64).to_s.empty?
        own.close
      else
        @next = own
        Process.kill(:TERM, Process.pid)
      end
    rescue SystemCallError, IOError
      nil
    end
  end

  # The variables that purser has for each process. All others may be changed by the app when it is loaded.
  def take_environment(text)
    text.pread(text.stat.size, 0).split("\0").each do |variable|
      name, value = variable.split('=', 2)
      ENV[name] = value.dup.force_encoding(Encoding.default_external) if value && name.start_with?('PURSER_')
    end
    ENV.delete('PURSER_SOURCE')
  end

  # The kernel kills this process when the keeper ends (prctl(2)).
  def end_with(keeper)
    number = PRCTL[RbConfig::CONFIG['host_cpu']]
    verbose, $VERBOSE = $VERBOSE, nil
    syscall(number, PR_SET_PDEATHSIG, 9, 0, 0, 0) if number
    exit!(1) unless Process.ppid == keeper
  rescue SystemCallError, NotImplementedError
    # its end is seen by the end of stdin, too
  ensure
    $VERBOSE = verbose
  end

  # What serves nothing any more needs no connection to a database.
  def disconnect
    return unless defined?(ActiveRecord::Base)

    handler = ActiveRecord::Base.connection_handler
    pools = handler.respond_to?(:all_connection_pools) && ActiveRecord::VERSION::STRING.to_f < 7.1 ? handler.all_connection_pools : handler.connection_pool_list(:all)
    pools.each(&:disconnect!)
  rescue StandardError
    nil # they are closed when this process ends
  end

  # ActiveRecord does it itself since Rails 5.2.
  def reconnect
    return unless defined?(ActiveRecord::Base) && ActiveRecord::VERSION::STRING.to_f < 5.2

    ActiveRecord::Base.establish_connection
  end
end
