module PurserLoader
  # A connection from the front, with what has come of its next request.
  class Connection
    PIECE = 64 << 10

    attr_reader :io

    def initialize(io)
      @io = io
      @ahead = String.new(encoding: Encoding::BINARY)
    end

    def to_io
      @io
    end

    # What has come already is in no kernel buffer, where select would see it.
    def ahead?
      !@ahead.empty?
    end

    # Everything up to the empty line that ends a head.
    def head(most)
      @ahead.delete_prefix!("\r\n") while @ahead.start_with?("\r\n") # RFC 9112 section 2.2
      upto("\r\n\r\n", most)
    end

    def line(most)
      upto("\r\n", most)
    end

    # Copies a body, or a part of it.
    def copy(length, store)
      while length.positive?
        fill if @ahead.empty?
        piece = @ahead.slice!(0, length)
        store.write(piece)
        length -= piece.bytesize
      end
    end

    def write(*pieces)
      @io.write(*pieces)
    rescue SystemCallError, IOError
      raise Request::Gone
    end

    def copy_file(path, length)
      IO.copy_stream(path, @io, length)
    rescue Errno::EPIPE, Errno::ECONNRESET
      raise Request::Gone
    end

    def close
      @io.close
    rescue SystemCallError, IOError
      nil
    end

    private

    def upto(mark, most)
      from = 0
      until (found = @ahead.index(mark, from))
        raise Request::Bad.new(431, 'too long') if @ahead.bytesize > most

        from = [@ahead.bytesize - mark.bytesize + 1, 0].max
        fill
      end
      text = @ahead.slice!(0, found + mark.bytesize)
      text[0, found]
    end

    def fill
      @ahead << @io.readpartial(PIECE)
    rescue SystemCallError, IOError # its end, too
      raise Request::Gone
    end
  end
end
