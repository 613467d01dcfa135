package builderaikits

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"time"
)

// Option is an option of a client, for [NewClient] and [Client.WithOptions].
type Option interface{ applyToClient(*optionWriter) }

// RunOption is an option of one call, for [Kits.Run]. It overrides the client's.
type RunOption interface{ applyToRun(*optionWriter) }

// SharedOption is an option of a client or of one call.
type SharedOption interface {
	Option
	RunOption
}

// NoTimeout disables a timeout.
const NoTimeout time.Duration = math.MaxInt64

// WithAPIKey sets the API key. Default: BUILDERAIKITS_API_KEY. White space around it is removed.
func WithAPIKey(key string) Option { return clientText("api_key", key) }

// WithBaseURL sets the base URL of the service, including the version. Default: BUILDERAIKITS_BASE_URL, else the official
// service. Plain http is accepted for localhost only; see [WithAllowHTTP].
func WithBaseURL(url string) Option { return clientText("base_url", url) }

// WithTimeout limits the total time of a call, including queueing, all attempts and waits. Default: 120 s. [NoTimeout]
// disables the limit.
func WithTimeout(timeout time.Duration) SharedOption {
	return sharedOption(func(w *optionWriter) { w.duration("timeout_ms", timeout) })
}

// WithAttemptTimeout limits the time of one attempt, including the response body. Default: [NoTimeout].
func WithAttemptTimeout(timeout time.Duration) Option {
	return clientOption(func(w *optionWriter) { w.duration("attempt_timeout_ms", timeout) })
}

// WithConnectTimeout limits the time for DNS, TCP and TLS together. Default: 5 s. [NoTimeout] disables the limit.
func WithConnectTimeout(timeout time.Duration) Option {
	return clientOption(func(w *optionWriter) { w.duration("connect_timeout_ms", timeout) })
}

// WithMaxRetries sets the maximum number of retries. Default: 2.
func WithMaxRetries(n int) SharedOption {
	return sharedOption(func(w *optionWriter) { w.set("max_retries", n) })
}

// WithRetryAmbiguous also retries a call that was sent but got no response, which may be billed twice. Default: false.
func WithRetryAmbiguous(retry bool) SharedOption {
	return sharedOption(func(w *optionWriter) { w.set("retry_ambiguous", retry) })
}

// WithRetryBudget disables the retry budget if it is false. The budget limits the retries of all calls together, so that they
// do not multiply the load of a service that fails. Default: true.
func WithRetryBudget(on bool) Option {
	return clientOption(func(w *optionWriter) { w.set("retry_budget", on) })
}

// WithRateLimit sets how the client keeps to the rate limits of your plan: [RateLimitMaker], [RateLimitBuilder],
// [RateLimitOff], [Quota.RateLimit], or text such as "30,15000/6s". Calls wait for their turn, first in, first out, and their
// timeout runs. Default: BUILDERAIKITS_RATE_LIMIT, else [RateLimitAuto].
func WithRateLimit(limit RateLimit) Option { return clientText("rate_limit", string(limit)) }

// WithPrices sets the prices that [Run.Cost], [Client.Usage] and [Kits.Estimate] use, in addition to those of the kits that
// this version knows: US dollars per 1,000 tokens as decimal text, such as "0.0004", which is exact. Default: none.
func WithPrices(prices map[Kit]string) Option {
	return clientOption(func(w *optionWriter) {
		texts := make(map[string]string, len(prices))
		for kit, price := range prices {
			w.checkUTF8("WithPrices", string(kit))
			w.checkUTF8("WithPrices", price)
			texts[string(kit)] = price
		}
		w.set("prices", texts)
	})
}

// WithMaxConcurrency sets the maximum number of concurrent attempts. Further calls queue, first in, first out, and their
// timeout runs. Default: 1,000, or three quarters of the open-file limit if that is less.
func WithMaxConcurrency(n int) Option {
	return clientOption(func(w *optionWriter) { w.set("max_concurrency", n) })
}

// WithMaxResponseBytes sets the maximum size of a response body. Default: 16 MiB.
func WithMaxResponseBytes(n int64) Option {
	return clientOption(func(w *optionWriter) { w.set("max_response_bytes", n) })
}

// WithHeader sets a header of every request. A call's header overrides the client's header of the same name. Headers that
// the SDK sets itself are rejected. Default for a client: BUILDERAIKITS_CUSTOM_HEADERS, which this option replaces.
func WithHeader(name, value string) SharedOption {
	return sharedOption(func(w *optionWriter) { w.header(name, value) })
}

// WithProxy sets the URL of an http, https or socks5 proxy, or "off". Default: HTTPS_PROXY, ALL_PROXY and NO_PROXY. The API
// key is sent only inside the tunnel. Plain http never uses a proxy.
func WithProxy(url string) Option { return clientText("proxy", url) }

// WithCAFile names a PEM file of certificates to trust in addition to the system's and the bundled ones. It is read once.
func WithCAFile(path string) Option { return clientText("ca_file", path) }

// WithAllowHTTP allows plain http to any host, such as a sandbox in another container. Anyone on the network path can then
// read the key and prompts. Default: false.
func WithAllowHTTP(allow bool) Option {
	return clientOption(func(w *optionWriter) { w.set("allow_http", allow) })
}

// WithAppName adds your program, as name/version, to the User-Agent.
func WithAppName(name string) Option { return clientText("app_name", name) }

// WithLogger sets the logger of all clients of the process; nil disables logging. Waits before a retry have level Info,
// attempts Debug; the level that logger enables now is recorded. Records never contain the key or a prompt. They are passed
// to the logger when a call ends, by its goroutine. Default: off, or the level in BUILDERAIKITS_LOG (info or debug), to
// standard error.
func WithLogger(logger *slog.Logger) Option {
	return clientOption(func(w *optionWriter) { w.logger, w.hasLogger = logger, true })
}

// WithIdempotencyKey sets the Idempotency-Key of all attempts of a call: 1 to 255 visible ASCII characters. Default: a new
// UUIDv4 per call.
func WithIdempotencyKey(key string) RunOption {
	return runOption(func(w *optionWriter) {
		w.text("idempotency_key", key)
		w.idempotencyKey = key
	})
}

type (
	sharedOption func(*optionWriter)
	clientOption func(*optionWriter)
	runOption    func(*optionWriter)
)

func (o sharedOption) applyToClient(w *optionWriter) { o(w) }
func (o sharedOption) applyToRun(w *optionWriter)    { o(w) }
func (o clientOption) applyToClient(w *optionWriter) { o(w) }
func (o runOption) applyToRun(w *optionWriter)       { o(w) }

func clientText(name, value string) Option {
	return clientOption(func(w *optionWriter) { w.text(name, value) })
}

// optionNames are the functions of the options, by the core's names, which its messages have in backticks.
var optionNames = map[string]string{
	"api_key":            "WithAPIKey",
	"base_url":           "WithBaseURL",
	"timeout":            "WithTimeout",
	"attempt_timeout":    "WithAttemptTimeout",
	"connect_timeout":    "WithConnectTimeout",
	"max_retries":        "WithMaxRetries",
	"retry_ambiguous":    "WithRetryAmbiguous",
	"retry_budget":       "WithRetryBudget",
	"rate_limit":         "WithRateLimit",
	"prices":             "WithPrices",
	"max_concurrency":    "WithMaxConcurrency",
	"max_response_bytes": "WithMaxResponseBytes",
	"headers":            "WithHeader",
	"proxy":              "WithProxy",
	"ca_file":            "WithCAFile",
	"allow_http":         "WithAllowHTTP",
	"app_name":           "WithAppName",
	"idempotency_key":    "WithIdempotencyKey",
}

// localizeOption returns the function of an option of the core. Names of request fields stay as they are.
func localizeOption(name string) string {
	if local, ok := optionNames[name]; ok {
		return local
	}
	return name
}

// localizeMessage replaces the core's names of options in a message: `base_url` by `WithBaseURL`.
func localizeMessage(message string) string {
	parts := strings.Split(message, "`")
	for i := 1; i < len(parts); i += 2 {
		parts[i] = localizeOption(parts[i])
	}
	return strings.Join(parts, "`")
}

// optionWriter collects options for the core. An option that is set twice has the last value.
type optionWriter struct {
	values         map[string]any
	headers        map[string]header // by name in lower case
	idempotencyKey string            // for errors that the core does not create
	logger         *slog.Logger
	hasLogger      bool
	kind           ErrorKind // of err
	err            *Error    // the first one
}

type header struct{ name, value string }

func newOptionWriter(kind ErrorKind) *optionWriter { return &optionWriter{kind: kind} }

func (w *optionWriter) set(name string, value any) {
	if w.values == nil {
		w.values = make(map[string]any)
	}
	w.values[name] = value
}

func (w *optionWriter) text(name, value string) {
	w.checkUTF8(optionNames[name], value)
	w.set(name, value)
}

func (w *optionWriter) duration(name string, d time.Duration) {
	if d == NoTimeout {
		w.set(name, nil)
	} else {
		w.set(name, float64(d)/float64(time.Millisecond))
	}
}

func (w *optionWriter) header(name, value string) {
	w.checkUTF8("WithHeader", name)
	w.checkUTF8("WithHeader", value)
	if w.headers == nil {
		w.headers = make(map[string]header)
	}
	w.headers[strings.ToLower(name)] = header{name, value}
}

func (w *optionWriter) checkUTF8(option, text string) {
	if problem := invalidUTF8(text); problem != "" && w.err == nil {
		w.err = &Error{Kind: w.kind, Option: option, Message: "`" + option + "` " + problem}
	}
}

// encode returns the options as a JSON object, or nothing if there are none.
func (w *optionWriter) encode() ([]byte, error) {
	if w.err != nil {
		return nil, w.err
	}
	if w.headers != nil {
		headers := make(map[string]string, len(w.headers))
		for _, header := range w.headers {
			headers[header.name] = header.value
		}
		w.set("headers", headers)
	}
	if len(w.values) == 0 {
		return nil, nil
	}
	encoded, err := json.Marshal(w.values)
	if err != nil {
		return nil, errInternal(fmt.Errorf("the options cannot be encoded: %w", err))
	}
	return encoded, nil
}
