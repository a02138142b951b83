module PurserLoader
  # What an app answers, on its way out.
  class Response
    PHRASES = {
      100 => 'Continue', 101 => 'Switching Protocols', 200 => 'OK', 201 => 'Created', 202 => 'Accepted', 204 => 'No Content',
      206 => 'Partial Content', 301 => 'Moved Permanently', 302 => 'Found', 303 => 'See Other', 304 => 'Not Modified',
      307 => 'Temporary Redirect', 308 => 'Permanent Redirect', 400 => 'Bad Request', 401 => 'Unauthorized', 403 => 'Forbidden',
      404 => 'Not Found', 405 => 'Method Not Allowed', 406 => 'Not Acceptable', 409 => 'Conflict', 410 => 'Gone',
      413 => 'Content Too Large', 422 => 'Unprocessable Content', 429 => 'Too Many Requests',
      431 => 'Request Header Fields Too Large', 500 => 'Internal Server Error', 501 => 'Not Implemented',
      502 => 'Bad Gateway', 503 => 'Service Unavailable', 504 => 'Gateway Timeout'
    }.freeze
    OURS = %w[connection keep-alive transfer-encoding].freeze # how it is sent is not the app's matter
    NAME = /\A[!#$%&'*+\-.^_`|~0-9A-Za-z]+\z/.freeze
    BAD_VALUE = /[\x00\r\n]/n.freeze

    def initialize(connection, request, keep_alive)
      @connection = connection
      @request = request
      @keep_alive = keep_alive
      @begun = false
    end

    def begun?
      @begun
    end

    # Whether the connection is whole, so that another request may follow.
    def keep_alive?
      @keep_alive
    end

    # Whether who has the connection now closes it, at his own time.
    def taken?
      @taken
    end

    def send(status, headers, body)
      @status = Integer(status)
      take(headers)
      take_over = @hijack || (body.respond_to?(:call) && !body.respond_to?(:each) ? body : nil)
      if bodyless?
        start(nil)
      elsif take_over
        hand_over(take_over)
      else
        send_body(body)
      end
    ensure
      body.close if body.respond_to?(:close)
    end

    # Refuses a request, or says that the app has failed.
    def refuse(error)
      text = "#{error.message}\n"
      @keep_alive = false
      @head = String.new("Content-Type: text/plain\r\n")
      @status = error.status
      @length = text.bytesize
      @request.head? ? start(nil) : start(:length, text)
    end

    # What was begun cannot be ended: the other side learns it by the end of the connection.
    def broken
      @keep_alive = false
    end

    private

    def take(headers)
      @head = String.new(encoding: Encoding::BINARY)
      @length = nil
      headers.each do |name, values|
        name = name.to_s
        next @hijack = values if name == 'rack.hijack'
        next if name.start_with?('rack.') || name.casecmp?('status') || !NAME.match?(name)

        take_values(name, values)
      end
    end

    def take_values(name, values)
      is_ours = OURS.include?(name.downcase)
      (values.is_a?(Array) ? values : values.to_s.split("\n")).each do |value|
        value = value.to_s
        @upgrade = true if is_ours && value.match?(/upgrade/i)
        @framed = true if is_ours && name.casecmp?('transfer-encoding') && value.match?(/chunked/i) && @request.version == '1.1'
        next if is_ours || BAD_VALUE.match?(value.b)
        next @length = value.to_i if name.casecmp?('content-length')

        @head << name << ': ' << value.b << "\r\n"
      end
    end

    def bodyless?
      @request.head? || [204, 304].include?(@status) || @status.between?(100, 199) && @status != 101
    end

    def send_body(body)
      return send_framed(body) if @framed
      return send_file(body.to_path) if whole_file?(body)

      pieces = body.respond_to?(:to_ary) ? body.to_ary : nil
      @length ||= pieces.sum(&:bytesize) if pieces
      pieces ? send_whole(pieces) : send_pieces(body)
    end

    # That of Rack 1 is a file, too, when it gives a part of it (206), and its each knows which.
    def whole_file?(body)
      @status != 206 && body.respond_to?(:to_path) && File.file?(body.to_path)
    end

    # An app that says so has made chunks of its pieces itself. Nobody looks whether they are whole: no other answer
    # follows.
    def send_framed(body)
      @keep_alive = false
      start(:chunked)
      body.each { |piece| @connection.write(piece.to_s) }
    end

    def send_whole(pieces)
      whole = pieces.join.b
      start(:length, cut(whole))
      @keep_alive = false if whole.bytesize < @length
    end

    # What is more than was said would be taken for the next answer.
    def cut(piece)
      piece.bytesize > @length ? piece.byteslice(0, @length) : piece
    end

    def send_file(path)
      @length ||= File.size(path)
      start(:length)
      sent = @connection.copy_file(path, @length)
      @keep_alive = false if sent < @length
    end

    def send_pieces(body)
      framing = Framing.new(@connection, @length, chunked: @length.nil? && @request.version == '1.1')
      @keep_alive = false if framing.until_end?
      start(framing.chunked? ? :chunked : :length)
      body.each { |piece| framing.write(piece) }
      framing.finish
      @keep_alive = false unless framing.whole?
    end

    # A body of Rack 3 that writes for itself, or a partial hijack: it has the connection until it ends.
    def hand_over(callable)
      @keep_alive = false
      start(@status == 101 || @upgrade ? :upgrade : @framed ? :chunked : :length)
      callable.call(@connection.io)
      @taken = true
    end

    def start(framing, first = nil)
      head = +"HTTP/1.1 #{@status} #{PHRASES[@status]}\r\n" << @head
      head << "Content-Length: #{@length}\r\n" if @length && framing != :chunked && framing != :upgrade && @status >= 200 && @status != 204
      head << "Transfer-Encoding: chunked\r\n" if framing == :chunked
      head << (framing == :upgrade ? "Connection: Upgrade\r\n" : @keep_alive ? '' : "Connection: close\r\n") << "\r\n"
      @begun = true
      first ? @connection.write(head, first) : @connection.write(head)
    end

    # The pieces of a body, in chunks, or up to the length that was said, or up to the end.
    class Framing
      def initialize(connection, length, chunked:)
        @connection = connection
        @left = length
        @chunked = chunked
      end

      def chunked?
        @chunked
      end

      def until_end?
        !@chunked && @left.nil?
      end

      def write(piece)
        piece = piece.to_s
        size = piece.bytesize
        return if size.zero?
        return @connection.write(size.to_s(16), "\r\n", piece, "\r\n") if @chunked
        return @connection.write(piece) unless @left

        piece = piece.byteslice(0, @left) if size > @left
        @left -= piece.bytesize
        @connection.write(piece)
      end

      def finish
        @connection.write("0\r\n\r\n") if @chunked
      end

      def whole?
        @left.nil? || @left.zero?
      end
    end
  end
end
