require 'set'

module PurserLoader
  # The words of config/puma.rb that are Purser's matter, in front of Puma's own: where a process
  # listens, how many there are, what it writes its output and its number to. What else is in the
  # file holds.
  module PumaFile
    # Each is told with what does it here; nil: it makes no difference, and needs no word.
    OTHERS = {
      bind: '', ssl_bind: '', port: '', clear_binds!: nil, bind_to_activated_sockets: '', set_default_host: nil,
      workers: 'see min_processes and max_processes', preload_app!: 'see preload', fork_worker: nil, nakayoshi_fork: nil,
      prune_bundler: nil, silence_single_worker_warning: nil, silence_fork_callback_warning: nil,
      worker_timeout: 'see request_timeout', worker_boot_timeout: 'see start_timeout', worker_shutdown_timeout: 'see stop_timeout',
      force_shutdown_after: 'see stop_timeout', worker_check_interval: nil, worker_culling_strategy: nil,
      wait_for_less_busy_worker: nil, daemonize: nil, pidfile: '', state_path: '', state_permission: nil,
      activate_control_app: '', restart_command: '', directory: 'see root', rackup: 'see startup_file',
      stdout_redirect: 'the output goes to the log', persistent_timeout: nil, raise_exception_on_sigterm: nil,
      idle_timeout: 'see idle_timeout'
    }.freeze

    # Puma runs these where it forks. Here every process is as one of its workers, after the app is loaded.
    HOOKS = {
      before_fork: :fork, on_worker_fork: :fork, before_worker_fork: :fork, after_worker_fork: :boot,
      on_worker_boot: :boot, before_worker_boot: :boot, on_worker_shutdown: :shutdown, before_worker_shutdown: :shutdown
    }.freeze

    @told = Set.new
    @hooks = Hash.new { |all, moment| all[moment] = [] }

    class << self
      attr_reader :hooks

      def find
        ["config/puma/#{ENV['RACK_ENV']}.rb", 'config/puma.rb'].find { |file| File.exist?(file) }
      end

      # Of this process among those of the app, as Puma gives one to each of its workers.
      def index
        ENV['PURSER_INDEX'].to_i
      end

      def not_used(what, instead)
        return unless instead && @told.add?(what)

        PurserLoader.tell "#{what} of Puma's configuration is not used here#{": #{instead}" unless instead.empty?}"
      end

      # In a fork source, once.
      def run_fork_hooks
        run(:fork)
        hooks.delete(:fork)
      end

      def run_hooks
        run(:fork)
        run(:boot)
        PurserLoader.begin_work([-> { run(:shutdown) }])
      end

      private

      def run(moment)
        hooks[moment].each(&:call)
      rescue StandardError => e
        PurserLoader.tell "a hook of Puma's configuration failed: #{e.message} (#{e.class}), at #{e.backtrace&.first}"
      end
    end

    OTHERS.each do |name, instead|
      define_method(name) { |*, **, &_block| PumaFile.not_used(name, instead) }
    end

    HOOKS.each do |name, moment|
      define_method(name) do |key = nil, **, &block|
        store = {}
        PumaFile.hooks[moment] << (key ? -> { block.call(PumaFile.index, store) } : -> { block.call(PumaFile.index) })
      end
    end

    def plugin(name)
      return PumaFile.not_used('plugin tmp_restart', 'see restart.file') if name.to_s == 'tmp_restart'

      super
    end

    def threads(least, most = least)
      ours = PurserLoader.most_threads
      PumaFile.not_used("threads #{most}", "it is #{ours}, see concurrency") unless most.to_i == ours
    end

    def environment(name)
      ours = ENV['RACK_ENV']
      PumaFile.not_used("environment #{name}", "it is #{ours}, see environment") unless name.to_s == ours
    end
  end
end
