# The folder of this is the first in which the Ruby of each child looks for what it requires (RUBYOPT=-I),
# unless reload_guard = false. Puma's own plugin tmp_restart watches the same tmp/restart.txt as Purser. Each
# old Puma would replace itself by whatever code is on disk, at its own time, and creates the file where it is
# missing, which would ask Purser for a restart. This one does nothing.
Puma::Plugin.create do
  def start(_launcher); end
end
