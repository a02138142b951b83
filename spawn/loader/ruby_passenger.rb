# What apps for Passenger ask of it.
module PhusionPassenger
  VERSION_STRING = '6.0.0'
  @handlers = Hash.new { |all, event| all[event] = [] }

  class << self
    # How many requests this process takes at once, when the app knows better than its configuration.
    attr_accessor :advertised_concurrency_level

    # Events: starting_worker_process(forked), stopping_worker_process, and others that never happen here.
    def on_event(event, &handler)
      @handlers[event] << handler
    end

    def call_event(event, *arguments)
      @handlers[event].each { |handler| handler.call(*arguments) }
    end

    def advertise_concurrency_level(level)
      self.advertised_concurrency_level = level
    end
  end
end
