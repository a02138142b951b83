# Serves one Rack app for Purser: ruby ruby.rb STARTUP_FILE SOCKET THREADS
#
# With Puma if the app's bundle has it, or the Ruby of an app without a bundle; else with the small
# server in ruby_server.rb. THREADS is how many requests the app is given at once; 0 is no limit.
module PurserLoader
  UNLIMITED_THREADS = 16
  SHOWN_FRAMES = 30 # of a backtrace; Purser shows 50 lines, and the message comes before them

  class << self
    attr_reader :startup, :socket, :threads, :stderr

    def run(arguments)
      @startup, @socket, threads = arguments.shift(3)
      @threads = threads.to_i
      @stderr = $stderr.dup # still Purser's pipe when the app redirects its own
      $stdout.sync = true # or the last lines before a crash never come
      end_with_purser
      print_where_on_signal
      set_load_paths
      require_relative 'ruby_passenger'
      require_relative 'ruby_source'
      puma? ? serve_with_puma : serve
    rescue SystemExit, SignalException
      raise
    rescue Exception => e
      tell_failure(e)
      exit 1
    end

    def most_threads
      threads.positive? ? threads : UNLIMITED_THREADS
    end

    def tell(line)
      stderr.syswrite("purser: #{line}\n")
    end

    # What is wrong first, and only so much of the backtrace that it stays among the lines shown.
    def tell_failure(error, where = '')
      lines = message_of(error)
      lines[0] = "#{where}#{lines[0]}"
      lines += frames_of(error, SHOWN_FRAMES)
      cause = error.cause
      lines += ['caused by:', *message_of(cause).first(8), *frames_of(cause, 5)] if cause
      stderr.syswrite(lines.join("\n") << "\n")
    end

    # The app is loaded and is about to serve: a process begins its work, and at its end it ends it. What
    # has to run then, too, is given.
    def begin_work(at_end = [])
      PhusionPassenger.call_event(:starting_worker_process, forked?)
      process = Process.pid
      @at_end = at_end + [-> { PhusionPassenger.call_event(:stopping_worker_process) }]
      at_exit { end_work if Process.pid == process } # what the app forks has another end
    end

    # Once, also where the process goes on as a fork source.
    def end_work
      at_end = @at_end || []
      @at_end = nil
      at_end.each(&:call)
    end

    # What runs the app gets this: the peer is always the front, and what it says about the client is
    # true. Below a path, Rack has it in SCRIPT_NAME, and PATH_INFO is the rest. HTTPS is as in CGI,
    # and with Passenger.
    def behind_front(app)
      base = ENV['PURSER_PATH']
      lambda do |env|
        env['HTTPS'] = 'on' if env['rack.url_scheme'] == 'https'
        client = env['HTTP_X_REAL_IP']
        env['REMOTE_ADDR'] = client if client && !client.empty?
        path = env['PATH_INFO']
        if base && (path == base || path.start_with?("#{base}/"))
          env['SCRIPT_NAME'] = base
          env['PATH_INFO'] = path.delete_prefix(base)
        end
        app.call(env)
      end
    end

    # With preload, this process loads the app by the block, and what is forked from it returns: with a socket and an
    # output of its own, and without the threads of this one. Without preload it does nothing.
    def preload(&load)
      return unless PurserSource.wanted?

      PurserSource.run(&load)
      go_on_forked
    end

    # What serves here has ended. If that was to make this process a fork source, it becomes one, and what is forked from it
    # returns true: it is to serve anew. What has to run before is the block.
    def refork
      return false unless PurserSource.next?

      end_work
      yield if block_given?
      tell_threads
      PurserSource.disconnect
      PurserSource.run_next
      go_on_forked
      true
    end

    # Whether this process was forked from one that had loaded the app.
    def forked?
      @forked || false
    end

    private

    # As Passenger does: what the app says itself of its gems, else its bundle.
    def set_load_paths
      own = %w[config/setup_load_paths.rb .bundle/environment.rb].find { |file| File.exist?(file) }
      return require(File.expand_path(own)) if own
      return unless bundle?

      begin
        require 'bundler/setup'
      rescue LoadError => e
        raise unless e.path == 'bundler/setup'

        tell 'there is a Gemfile, but this Ruby has no Bundler: gems are taken as they are installed ' \
             '(apt install ruby-bundler, or gem install bundler)'
      end
    end

    def bundle?
      !ENV['BUNDLE_GEMFILE'].to_s.empty? || File.exist?('Gemfile') || File.exist?('gems.rb')
    end

    def puma?
      require 'puma/cli'
      true
    rescue LoadError => e
      raise unless e.path == 'puma/cli'

      false
    end

    # Flags win over everything that an environment variable such as WEB_CONCURRENCY asks Puma to do.
    def serve_with_puma
      threads = @threads.positive? ? "#{@threads}:#{@threads}" : "0:#{UNLIMITED_THREADS}"
      Puma::CLI.new(['-C', File.join(__dir__, 'ruby_puma.rb'), '-b', "unix://#{socket}", '-t', threads, '-w', '0',
                     '-e', ENV['RACK_ENV'].to_s, startup]).run
    end

    def serve
      require_relative 'ruby_server'
      require_relative 'ruby_builder'
      app = nil
      preload { app = RackFile.load(startup) }
      app = behind_front(app || RackFile.load(startup))
      loop do
        begin_work
        Server.new(app, socket, most_threads).run
        break unless refork
      end
    end

    def go_on_forked
      @forked = true
      @socket = ENV['PURSER_SOCKET']
      @stderr = $stderr.dup
      end_with_purser
    end

    # Threads are not forked. What the app has started ends here, and whoever has started it may not know. Those of Puma end
    # by themselves.
    def tell_threads
      others = Thread.list - [Thread.current]
      others.reject! { |thread| thread.name == 'purser' || thread.inspect.include?('/lib/puma/') }
      return if others.empty?

      tell "threads are not forked: #{others.size} of the app #{others.size == 1 ? 'is' : 'are'} not in the processes " \
           "that are forked from this one (#{others.first(5).map { |thread| thread.inspect[/#<Thread:\S+ (.*)>/, 1] }.join(', ')})"
    end

    # stdin closes when Purser asks to stop (then TERM does the work) and when Purser is gone (then the
    # parent changes, and there is nobody left to serve).
    def end_with_purser
      parent = Process.ppid
      Thread.new do
        Thread.current.name = 'purser'
        nil while $stdin.readpartial(4096)
      rescue EOFError, SystemCallError, IOError
        sleep 0.1 while Process.ppid == parent
        exit!(1)
      end
    end

    # The signal asks a process that hangs to print where: every thread's backtrace, those that wait
    # alike together, the deepest last, so that it is among the last lines that Purser shows. Handlers
    # run on the main thread, which the servers leave idle; no lock may be taken in them, hence no
    # $stderr.puts.
    def print_where_on_signal
      signal = ENV['PURSER_BACKTRACE_SIGNAL'] or return
      most = 40 # lines of a backtrace: Purser shows 50
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

    def message_of(error)
      return error.detailed_message(highlight: false).scrub.lines(chomp: true).first(20) if error.respond_to?(:detailed_message)

      first, *more = error.message.scrub.lines(chomp: true)
      ["#{first} (#{error.class})", *more.first(19)]
    end

    def frames_of(error, most)
      all = (error.backtrace || []).reject { |frame| frame.start_with?(__dir__) }
      shown = all.first(most).map { |frame| "  from #{frame}" }
      shown << "  and #{all.size - most} more" if all.size > most
      shown
    end
  end
end

PurserLoader.run(ARGV)
