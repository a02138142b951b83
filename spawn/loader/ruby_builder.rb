module PurserLoader
  # Reads a config.ru, with Rack if the app has it.
  module RackFile
    def self.load(file)
      begin
        require 'rack'
        require 'rack/builder'
      rescue LoadError => e
        raise unless %w[rack rack/builder].include?(e.path)

        return Builder.new.read(file)
      end
      app, = Rack::Builder.parse_file(File.expand_path(file)) # of Rack 1 and 2 with options that are a server's
      app
    end

    # What a config.ru without Rack can say.
    class Builder
      def initialize
        @around = []
        @below = {}
        @app = nil
        @warmup = nil
      end

      def read(file)
        instance_eval(File.read(file)[/.*?(?=^__END__$|\z)/m], file, 1)
        to_app
      end

      def use(middleware, *arguments, **options, &block)
        @around << ->(app) { options.empty? ? middleware.new(app, *arguments, &block) : middleware.new(app, *arguments, **options, &block) }
      end

      def run(app = nil, &block)
        @app = app || block
      end

      def map(path, &block)
        @below[path.chomp('/')] = block
      end

      def warmup(callable = nil, &block)
        @warmup = callable || block
      end

      def freeze_app; end

      def to_app
        app = @below.empty? ? @app : by_path
        raise 'the startup file runs no app' unless app

        app = @around.reverse.inject(app) { |inner, wrap| wrap.call(inner) }
        @warmup&.call(app)
        app
      end

      private

      def by_path
        apps = @below.transform_values { |block| Builder.new.tap { |b| b.instance_eval(&block) }.to_app }
        apps = apps.sort_by { |path, _| -path.length }
        rest = @app || ->(_env) { [404, { 'content-type' => 'text/plain' }, ['Not Found']] }
        lambda do |env|
          asked = env['PATH_INFO']
          base, app = apps.find { |path, _| asked == path || asked.start_with?("#{path}/") }
          return rest.call(env) unless app

          app.call(env.merge('SCRIPT_NAME' => env['SCRIPT_NAME'] + base, 'PATH_INFO' => asked.delete_prefix(base)))
        end
      end
    end
  end
end
