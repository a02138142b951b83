# Puma's configuration under Purser, given with -C: what it says holds against the app's own
# config/puma.rb. Socket, threads and environment come as flags, which win over both.
require_relative 'ruby_puma_file'

# Longer than the front keeps an idle connection, so that it is never closed under a new request.
persistent_timeout 600

# TERM is how Purser asks to stop: an exit with status 0, not a death by signal.
raise_exception_on_sigterm false

ours = @config

Puma::Configuration.prepend(Module.new do
  def app
    loaded = PurserLoader.behind_front(super)
    PurserLoader::PumaFile.run_hooks
    loaded
  end

  def preload
    load_rackup unless options[:app]
    PurserLoader::PumaFile.run_fork_hooks
  end

  # It is being loaded just now, and is not again where a process serves that was forked from one that has served: the
  # files may be those of another release by then.
  define_method(:load) { equal?(ours) ? options : super() }

  private

  def load_rackup
    @load_rackup ||= super
  end
end)

# Before anything of Puma's runs: what is forked goes on here as if Puma had just been started.
Puma::Launcher.prepend(Module.new do
  def run
    PurserLoader.preload { config.preload }
    options[:binds] = ["unix://#{PurserLoader.socket}"]
    super
    return unless PurserLoader.refork { PurserLoader::PumaFile.run_refork_hooks }

    self.class.new(config, events: @events, log_writer: @log_writer, argv: @argv).run
  end
end)

# From here on it is the app's file that speaks.
Puma::DSL.prepend(PurserLoader::PumaFile)
if (file = PurserLoader::PumaFile.find)
  instance_eval(File.read(file), file, 1)
end
