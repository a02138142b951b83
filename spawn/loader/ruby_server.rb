require 'socket'
require 'uri' # which Rack::Lint takes for loaded, as it is with other servers
require_relative 'ruby_connection'
require_relative 'ruby_request'
require_relative 'ruby_response'

module PurserLoader
  # A small server for Rack 1, 2 and 3, for apps whose bundle has none. The main thread waits for
  # connections and for requests on those that are idle; so many threads as the app is given requests
  # at once read them, call the app and answer.
  class Server
    BACKLOG = 1024
    COMMON = { 'rack.multithread' => true, 'rack.multiprocess' => true, 'rack.run_once' => false,
                 'rack.version' => [1, 6].freeze, 'rack.hijack?' => true, 'SCRIPT_NAME' => '',
                 'GATEWAY_INTERFACE' => 'CGI/1.2', 'SERVER_SOFTWARE' => 'Purser', 'REMOTE_ADDR' => '127.0.0.1' }.freeze

    def initialize(app, path, threads)
      @app = app
      @path = path
      @threads = threads
      @common = COMMON.merge('rack.errors' => $stderr, 'rack.multithread' => threads > 1)
      @idle = {}
      @ready = Queue.new
      @back = Queue.new
      @wake, @waker = IO.pipe
      @stopping = false
    end

    def run
      %w[TERM INT].each { |signal| trap(signal) { stop } }
      workers = Array.new(@threads) { Thread.new { work } }
      @listener = UNIXServer.new(@path).tap { |listener| listener.listen(BACKLOG) }
      await until @stopping
      drain
      workers.each(&:join)
    end

    private

    # In a signal's handler: no lock.
    def stop
      @stopping = true
      @waker.write_nonblock('.')
    rescue IO::WaitWritable
      nil # it is awake
    end

    def await
      readable, = IO.select([@listener, @wake, *@idle.keys])
      readable.each do |io|
        case io
        when @listener then accept
        when @wake then take_back
        else @ready << @idle.delete(io)
        end
      end
    end

    # A connection is no request yet: it waits with the idle ones, or it would hold up a thread.
    def accept
      loop do
        io = @listener.accept_nonblock
        @idle[io] = Connection.new(io)
      end
    rescue IO::WaitReadable, Errno::ECONNABORTED
      nil
    rescue Errno::EMFILE, Errno::ENFILE, Errno::ENOBUFS, Errno::ENOMEM
      sleep 0.05 # some request ends and gives back what it has: who connects waits so long
    end

    # Connections that have been answered, and wait for the next request.
    def take_back
      @wake.read_nonblock(4096)
      until @back.empty?
        connection = @back.pop
        @idle[connection.io] = connection
      end
    rescue IO::WaitReadable
      nil
    end

    # What has come is answered still; what is idle is closed.
    def drain
      accept
      @listener.close
      take_back
      asked, = IO.select(@idle.keys, nil, nil, 0)
      asked&.each { |io| @ready << @idle.delete(io) }
      @idle.each_value(&:close)
      @ready.close
    end

    def work
      while (connection = @ready.pop)
        give_back(connection) if handle(connection)
      end
    end

    def give_back(connection)
      return connection.close if @stopping

      @back << connection
      @waker.write_nonblock('.')
    rescue IO::WaitWritable
      nil
    end

    # Whether another request may come.
    def handle(connection)
      loop do
        return false unless answer(connection)
        return true unless connection.ahead?
      end
    rescue Request::Gone
      connection.close
      false
    rescue Exception => e # a thread that ended would be missed by all requests to come
      PurserLoader.tell_failure(e)
      connection.close
      false
    end

    def answer(connection)
      request = Request.new(connection)
      refused = read(request)
      return refuse(connection, request, refused) if refused

      env = request.env.merge!(@common) { |_, of_request, _| of_request }
      env['rack.hijack'] = -> { env['rack.hijack_io'] = connection.io }
      response = Response.new(connection, request, request.keep_alive? && !@stopping)
      call(env, response)
      return false if env['rack.hijack_io'] || response.taken?

      connection.close unless response.keep_alive?
      response.keep_alive?
    ensure
      request.close unless env && env['rack.hijack_io']
    end

    def read(request)
      request.read
      nil
    rescue Request::Bad => e
      e
    end

    def refuse(connection, request, error)
      Response.new(connection, request, false).refuse(error)
      connection.close
      false
    end

    def call(env, response)
      finished = env['rack.response_finished'] = []
      after = env['rack.after_reply'] = []
      answer = @app.call(env)
      status, headers, = answer
      env['rack.hijack_io'] ? nil : response.send(*answer)
    rescue Request::Gone => e
      response.broken
      failure = e
    rescue Exception => e # an app that exits in a request is no reason to leave the others without an answer
      failure = e
      fail_to_answer(env, response, e)
    ensure
      after.each(&:call)
      finished.reverse_each { |told| told.call(env, status, headers, failure) }
    end

    def fail_to_answer(env, response, error)
      PurserLoader.tell_failure(error, "#{env['REQUEST_METHOD']} #{env['PATH_INFO']}: ")
      response.begun? || env['rack.hijack_io'] ? response.broken : response.refuse(Request::Bad.new(500, 'Internal Server Error'))
    end
  end
end
