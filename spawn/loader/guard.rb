# Ruby loads this first in each child (RUBYOPT), unless reload_guard = false. Puma's plugin tmp_restart
# watches the same tmp/restart.txt as Purser. Each old Puma would replace itself by whatever code is on
# disk, at its own time, and creates the file where it is missing, which would ask Purser for a restart.
# With this it does nothing. Nothing of Puma is defined before Puma itself is there.
class Object
  private

  def require(path)
    return super unless path == 'puma/plugin/tmp_restart' && defined?(::Puma::Plugins)

    ::Puma::Plugins.register('tmp_restart', Class.new(::Puma::Plugin) { def start(_launcher) = nil })
    true
  end
end
