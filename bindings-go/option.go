package builderaikits

import (
	"log/slog"
	"math"
	"strconv"
	"strings"
	"time"
)

// Option is an option of a client, for [NewClient] and [Client.WithOptions].
type Option interface{ client(*settings) }

// RunOption is an option of one call, for [Kits.Run]. It counts over the client's.
type RunOption interface{ run(*settings) }

// SharedOption is an option of a client or of one call.
type SharedOption interface {
	Option
	RunOption
}

// NoTimeout is no limit of time, where a limit can be given.
const NoTimeout time.Duration = math.MaxInt64

// WithAPIKey sets the key. Default: BUILDERAIKITS_API_KEY. White space at its ends is cut off.
func WithAPIKey(key string) Option { return clientText("api_key", key) }

// WithBaseURL sets where the service is, up to and with its version. Default: BUILDERAIKITS_BASE_URL, else the service
// itself. Only https, but for this machine; see [WithAllowHTTP].
func WithBaseURL(url string) Option { return clientText("base_url", url) }

// WithTimeout limits a whole call: all attempts, waits and the queue. Default: 120 s. [NoTimeout]: no limit.
func WithTimeout(limit time.Duration) SharedOption {
	return option(func(s *settings) { s.time("timeout_ms", limit) })
}

// WithAttemptTimeout limits one attempt, its body included. Default: [NoTimeout], but for the whole call's limit.
func WithAttemptTimeout(limit time.Duration) Option {
	return clientOption(func(s *settings) { s.time("attempt_timeout_ms", limit) })
}

// WithConnectTimeout limits DNS, TCP and TLS together. Default: 5 s. [NoTimeout]: no limit of its own.
func WithConnectTimeout(limit time.Duration) Option {
	return clientOption(func(s *settings) { s.time("connect_timeout_ms", limit) })
}

// WithMaxRetries sets how many attempts there may be after the first. Default: 2.
func WithMaxRetries(most int) SharedOption {
	return option(func(s *settings) { s.number("max_retries", int64(most)) })
}

// WithRetryAmbiguous also repeats a call that was sent and got no answer, which may have run and be billed. Default:
// false.
func WithRetryAmbiguous(repeat bool) SharedOption {
	return option(func(s *settings) { s.truth("retry_ambiguous", repeat) })
}

// WithMaxConcurrency limits the attempts on the wire at once; other calls queue, first come first served, and their
// time runs. Default: 1,000, or three quarters of the limit of open files where that is less.
func WithMaxConcurrency(most int) Option {
	return clientOption(func(s *settings) { s.number("max_concurrency", int64(most)) })
}

// WithMaxResponseBytes limits an answer's size. Default: 16 MiB.
func WithMaxResponseBytes(most int64) Option {
	return clientOption(func(s *settings) { s.number("max_response_bytes", most) })
}

// WithHeader sets a header of each request; of a call it counts over the client's of the same name. The SDK's own
// headers cannot be set. Default of a client: BUILDERAIKITS_CUSTOM_HEADERS, which this replaces.
func WithHeader(name, value string) SharedOption {
	return option(func(s *settings) {
		if s.headers == nil {
			s.headers = make(map[string]header)
		}
		s.headers[strings.ToLower(name)] = header{name, value}
	})
}

// WithProxy sets the URL of an http or https proxy, or "off". Default: HTTPS_PROXY, ALL_PROXY and NO_PROXY. The key
// goes only inside the tunnel; plain http never uses a proxy.
func WithProxy(url string) Option { return clientText("proxy", url) }

// WithCAFile names a PEM file of certificates to trust beside the system's and the bundled ones. It is read now.
func WithCAFile(path string) Option { return clientText("ca_file", path) }

// WithAllowHTTP permits plain http to any host, for a sandbox in another container: all on the way can then read keys
// and prompts. Default: false.
func WithAllowHTTP(allow bool) Option {
	return clientOption(func(s *settings) { s.truth("allow_http", allow) })
}

// WithAppName puts your program, as name/version, at the end of the User-Agent.
func WithAppName(name string) Option { return clientText("app_name", name) }

// WithLogger sends the SDK's log to logger, of all clients of the process; the last one given counts, and nil is none.
// Waits before a repeat have the level Info, attempts Debug; which are recorded is asked of logger now. Never with a key
// or a prompt. Records are handed over when a call ends, by its goroutine. Default: silent, or as BUILDERAIKITS_LOG says
// (info or debug), on standard error.
func WithLogger(logger *slog.Logger) Option {
	return clientOption(func(s *settings) { s.logger, s.hasLogger = logger, true })
}

// WithIdempotencyKey sets the Idempotency-Key of all attempts of a call: 1 to 255 visible ASCII characters. Default: a
// fresh UUIDv4 for each call.
func WithIdempotencyKey(key string) RunOption {
	return runOption(func(s *settings) {
		s.text("idempotency_key", key)
		s.idempotencyKey = key
	})
}

type (
	option       func(*settings)
	clientOption func(*settings)
	runOption    func(*settings)
)

func (o option) client(s *settings)       { o(s) }
func (o option) run(s *settings)          { o(s) }
func (o clientOption) client(s *settings) { o(s) }
func (o runOption) run(s *settings)       { o(s) }

func clientText(name, value string) Option {
	return clientOption(func(s *settings) { s.text(name, value) })
}

// settings are options as JSON: of one that stands there twice, the last one counts.
type settings struct {
	json           encoder
	headers        map[string]header // by their names in lower case
	idempotencyKey string            // for an error that the core does not make
	kind           ErrorKind
	err            *Error
	logger         *slog.Logger
	hasLogger      bool
}

type header struct{ name, value string }

func (s *settings) text(name, value string) {
	s.name(name)
	s.check(s.json.text(name, value))
}

func (s *settings) number(name string, value int64) {
	s.name(name)
	s.json.bytes = strconv.AppendInt(s.json.bytes, value, 10)
}

func (s *settings) truth(name string, value bool) {
	s.name(name)
	s.json.bytes = strconv.AppendBool(s.json.bytes, value)
}

func (s *settings) time(name string, limit time.Duration) {
	s.name(name)
	if limit == NoTimeout {
		s.json.raw("null")
		return
	}
	s.json.bytes = strconv.AppendFloat(s.json.bytes, float64(limit)/float64(time.Millisecond), 'g', -1, 64)
}

func (s *settings) name(name string) {
	if len(s.json.bytes) == 0 {
		s.json.raw("{")
	}
	s.json.comma()
	s.json.quote(name)
	s.json.raw(":")
}

func (s *settings) check(err error) {
	if failed, ok := err.(*Error); ok && s.err == nil {
		failed.Kind = s.kind
		s.err = failed
	}
}

// done gives the options as JSON; nothing where there are none.
func (s *settings) done() ([]byte, error) {
	if s.headers != nil {
		s.name("headers")
		s.json.raw("{")
		for _, header := range s.headers {
			s.json.comma()
			s.check(s.json.text("headers, a name", header.name))
			s.json.raw(":")
			s.check(s.json.text("headers, a value", header.value))
		}
		s.json.raw("}")
	}
	if s.err != nil {
		return nil, s.err
	}
	if len(s.json.bytes) > 0 {
		s.json.raw("}")
	}
	return s.json.bytes, nil
}
