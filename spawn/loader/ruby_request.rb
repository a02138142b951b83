require 'stringio'
require 'tempfile'

module PurserLoader
  # One request, as it is read from a connection: strictly, for two readings of one request are how
  # requests are smuggled (RFC 9112 section 11.2).
  class Request
    class Bad < StandardError
      attr_reader :status

      def initialize(status, why)
        @status = status
        super(why)
      end
    end

    # The other side has gone: there is nobody to answer.
    class Gone < StandardError; end

    MOST_HEAD = 1 << 20 # bytes; what a request may hold is the front's to say
    IN_MEMORY = 128 << 10 # of a body, as with Passenger
    LINE = %r{\A([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([^\x00-\x20\x7f]+) HTTP/(1\.[01])\z}n.freeze
    FIELD = /\A([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*?)[ \t]*\z/n.freeze
    CHUNK = /\A([0-9A-Fa-f]{1,15})(?:[ \t]*;[^\x00-\x08\x0a-\x1f\x7f]*)?\z/n.freeze
    ABSOLUTE = %r{\Ahttps?://[^/?#]*(.*)\z}in.freeze
    NOT_HTTP = { 'CONTENT_TYPE' => true, 'CONTENT_LENGTH' => true }.freeze

    attr_reader :env, :http_method, :version

    def initialize(connection)
      @connection = connection
    end

    # Reads all of it, the body too: then no slow sender holds up the app.
    def read
      lines = @connection.head(MOST_HEAD).split("\r\n", -1)
      @http_method, target, @version = LINE.match(lines.shift)&.captures
      raise Bad.new(400, 'bad request line') unless @http_method

      @env = { 'REQUEST_METHOD' => @http_method, 'SERVER_PROTOCOL' => "HTTP/#{@version}" }
      take_target(target)
      lines.each { |line| take_field(line) }
      finish_fields
      @env['rack.input'] = @body = body
      self
    end

    def head?
      @http_method == 'HEAD'
    end

    def keep_alive?
      options = @env['HTTP_CONNECTION'].to_s.downcase.split(/[ \t]*,[ \t]*/)
      @version == '1.1' ? !options.include?('close') : options.include?('keep-alive')
    end

    # What the body took is given back. What is in env by now may be the app's.
    def close
      @body&.close
    end

    private

    def take_target(target)
      @env['REQUEST_URI'] = target
      path, query = (target[ABSOLUTE, 1] || target).split('?', 2)
      path = '/' if path.nil? || path.empty?
      raise Bad.new(400, 'bad target') unless path.start_with?('/') || path == '*' && @http_method == 'OPTIONS'

      @env['REQUEST_PATH'] = @env['PATH_INFO'] = path.split('#', 2).first
      @env['QUERY_STRING'] = query.to_s
    end

    def take_field(line)
      name, value = FIELD.match(line)&.captures
      raise Bad.new(400, 'bad field line') unless name
      return if name.include?('_') # or X_Real_IP would be taken for X-Real-IP

      name = name.upcase.tr('-', '_')
      name = "HTTP_#{name}" unless NOT_HTTP[name]
      return @env[name] = value unless @env.key?(name)
      raise Bad.new(400, 'one field twice') if %w[HTTP_HOST CONTENT_LENGTH HTTP_TRANSFER_ENCODING].include?(name)

      @env[name] = "#{@env[name]}#{name == 'HTTP_COOKIE' ? ';' : ','} #{value}"
    end

    def finish_fields
      length, @coding = @env['CONTENT_LENGTH'], @env.delete('HTTP_TRANSFER_ENCODING')
      raise Bad.new(400, 'no Host') if @version == '1.1' && !@env['HTTP_HOST']
      raise Bad.new(400, 'Content-Length beside Transfer-Encoding') if length && @coding
      raise Bad.new(400, 'bad Content-Length') unless length.nil? || length.match?(/\A\d{1,18}\z/)
      raise Bad.new(501, 'unknown Transfer-Encoding') unless @coding.nil? || @coding.casecmp?('chunked')
      raise Bad.new(400, 'Transfer-Encoding in HTTP/1.0') if @coding && @version == '1.0'

      @env['HTTP_VERSION'] = @env['SERVER_PROTOCOL'] # some ask for it by this name
      take_host
    end

    def take_host
      https = @env['HTTP_X_FORWARDED_PROTO'] == 'https'
      name, port = @env['HTTP_HOST'].to_s.match(/\A(\[[^\]]*\]|[^:]*)(?::(\d+))?\z/)&.captures
      @env['rack.url_scheme'] = https ? 'https' : 'http'
      @env['SERVER_NAME'] = name.to_s.empty? ? 'localhost' : name
      @env['SERVER_PORT'] = port || @env['HTTP_X_FORWARDED_PORT'] || (https ? '443' : '80')
    end

    def body
      length = @env['CONTENT_LENGTH'].to_i
      return StringIO.new(String.new(encoding: Encoding::BINARY)) unless @coding || length.positive?

      @connection.write("HTTP/1.1 100 Continue\r\n\r\n") if @env.delete('HTTP_EXPECT')&.casecmp?('100-continue')
      store = !@coding && length <= IN_MEMORY ? StringIO.new(String.new(encoding: Encoding::BINARY)) : spool
      @coding ? take_chunks(store) : @connection.copy(length, store)
      store.rewind
      store
    end

    def spool
      Tempfile.new('purser-body', binmode: true).tap(&:unlink)
    end

    def take_chunks(store)
      size = 0
      loop do
        digits = CHUNK.match(@connection.line(4096))&.captures&.first or raise Bad.new(400, 'bad chunk')
        break if digits.hex.zero?

        size += digits.hex
        @connection.copy(digits.hex, store)
        raise Bad.new(400, 'bad end of a chunk') unless @connection.line(2).empty?
      end
      nil until @connection.line(MOST_HEAD).empty? # trailers
      @env['CONTENT_LENGTH'] = size.to_s # as Puma says it: there are apps that know no other way
    end
  end
end
