package builderaikits

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"

	"builderaikits.com/sdk/internal/native"
)

// Error is the error of a call, or of a client that could not be created. Every error of this package is an *Error.
//
// Code that handles errors can be tested with errors that it constructs:
//
//	err := &builderaikits.Error{Kind: builderaikits.ErrRateLimit, StatusCode: 429, RetryAfter: 2 * time.Second}
type Error struct {
	// Kind is the kind of failure. errors.Is(err, ErrRateLimit) compares it.
	Kind ErrorKind `json:"kind"`
	// Message is one line: the service's message if there is one, otherwise the SDK's. Control characters are escaped.
	Message string `json:"message"`
	// Option is the option or request field that is invalid, such as WithBaseURL or config.max_tokens.
	Option string `json:"option,omitempty"`
	// StatusCode is the HTTP status of the response; 0 if there was none.
	StatusCode int `json:"status,omitempty"`
	// Code is the service's error code, if there was one. New codes may be added at any time.
	Code string `json:"code,omitempty"`
	// Body is the response body as received, with the API key redacted. If StatusCode is 300 or above it is the first
	// 64 KiB. It can contain parts of the prompt, so it is not part of Error(), of printed values, and of JSON.
	Body []byte `json:"-"`
	// Headers are the response headers, if there was a response. They are not printed either.
	Headers http.Header `json:"-"`
	// RequestID is the request id of the response. Include it in support requests.
	RequestID string `json:"request_id,omitempty"`
	// Attempts is the number of attempts. 0: the call was rejected before the first attempt, or its context ended.
	Attempts int `json:"attempts"`
	// RetryAfter is the delay that the service asked for, or the wait that the rate limit makes necessary; 0 if there is none.
	RetryAfter time.Duration `json:"retry_after_ns,omitempty"`
	// MayHaveRun is whether the service may have processed any attempt, so that the call can be billed. It is true for
	// every call whose context ended after the call had started.
	MayHaveRun bool `json:"may_have_run"`
	// Retryable is whether the options of the call allow a retry of this outcome, if attempts, retry budget and time were
	// left.
	Retryable bool `json:"is_retryable"`
	// RetryStoppedBy is what stopped the last retry of a retryable failure: max_retries, retry_after (over 120 s), deadline
	// (the wait would end after it), rate_limit (it holds the call back beyond the deadline) or retry_budget. New values may be
	// added.
	RetryStoppedBy string `json:"retry_stopped_by,omitempty"`
	// IdempotencyKey is the Idempotency-Key of all attempts. If the context ended, it is the key that you set, if any.
	IdempotencyKey string `json:"idempotency_key,omitempty"`
	// Elapsed is the duration of the call, including queueing, all attempts and the waits between them.
	Elapsed time.Duration `json:"elapsed_ns"`

	cause error
}

// ErrorKind is a kind of failure, and the sentinel of all errors of that kind: errors.Is(err, ErrRateLimit).
type ErrorKind string

const (
	// ErrConfig: a client option is missing or invalid.
	ErrConfig ErrorKind = "config"
	// ErrInvalidRequest: the request, or an option of the call, was rejected before anything was sent.
	ErrInvalidRequest ErrorKind = "invalid_request"
	// ErrBadRequest is 400: the request is malformed.
	ErrBadRequest ErrorKind = "bad_request"
	// ErrAuthentication is 401: the API key is missing, wrong or revoked.
	ErrAuthentication ErrorKind = "authentication"
	// ErrPermissionDenied is 403: the API key lacks permission.
	ErrPermissionDenied ErrorKind = "permission_denied"
	// ErrNotFound is 404: nothing exists at this address. Check [WithBaseURL].
	ErrNotFound ErrorKind = "not_found"
	// ErrConflict is 409: the request conflicts with another one.
	ErrConflict ErrorKind = "conflict"
	// ErrUnprocessable is 422: the service understood the request and rejected it.
	ErrUnprocessable ErrorKind = "unprocessable"
	// ErrRateLimit is 429: too many requests or tokens. With StatusCode 0 the client did not send the call, because the rate
	// limit holds it back beyond its deadline. See [Error.RetryAfter].
	ErrRateLimit ErrorKind = "rate_limit"
	// ErrServer is 500 and above: the service failed.
	ErrServer ErrorKind = "server"
	// ErrStatus is any other status of 400 or above.
	ErrStatus ErrorKind = "status"
	// ErrConnection: no response, a truncated response, or one that is not HTTP. [Error.Unwrap] returns the system's error.
	ErrConnection ErrorKind = "connection"
	// ErrTLS: the server's certificate is not trusted, or the server does not speak TLS. Nothing was sent.
	ErrTLS ErrorKind = "tls"
	// ErrTimeout: a timeout elapsed. If it was the context's deadline, the error is context.DeadlineExceeded too.
	ErrTimeout ErrorKind = "timeout"
	// ErrBadResponse: the response could not be decoded, or was a redirect. [Error.Body] has it; you may have been billed.
	ErrBadResponse ErrorKind = "bad_response"
	// ErrCanceled: the context was canceled. The error is context.Canceled too.
	ErrCanceled ErrorKind = "cancelled"
	// ErrClosed: the client was closed before the call.
	ErrClosed ErrorKind = "closed"
	// ErrInternal: a bug in the SDK was caught. Other calls are not affected.
	ErrInternal ErrorKind = "internal"
)

// Error returns the name of the kind, such as rate_limit.
func (k ErrorKind) Error() string { return string(k) }

// Error returns one line with status, message, request id and attempts. It is made for logs: SECURITY.md says what it can
// contain.
func (e *Error) Error() string {
	var line strings.Builder
	line.WriteString("builderaikits: ")
	if e.StatusCode != 0 {
		fmt.Fprintf(&line, "%d: ", e.StatusCode)
	}
	if e.Message != "" {
		line.WriteString(e.Message)
	} else {
		line.WriteString(string(e.Kind))
	}
	attempts := strconv.Itoa(e.Attempts) + " attempts"
	if e.Attempts == 1 {
		attempts = "1 attempt"
	}
	switch {
	case e.RequestID != "":
		fmt.Fprintf(&line, " (request %s, %s)", strings.Trim(strconv.QuoteToGraphic(e.RequestID), `"`), attempts)
	case e.Attempts != 0:
		fmt.Fprintf(&line, " (%s)", attempts)
	}
	return line.String()
}

// String returns the text of Error, for a value that is printed: body and headers can contain parts of the prompt.
func (e Error) String() string { return e.Error() }

// GoString returns the kind and the text of Error.
func (e Error) GoString() string {
	return fmt.Sprintf("builderaikits.Error{%s: %s}", e.Kind, e.Error())
}

// Timeout reports whether a timeout elapsed, for [net.Error] and [os.IsTimeout].
func (e *Error) Timeout() bool { return e.Kind == ErrTimeout }

// Temporary returns Retryable, for [net.Error].
func (e *Error) Temporary() bool { return e.Retryable }

// Is reports whether target is the kind of the error, for errors.Is.
func (e *Error) Is(target error) bool {
	kind, ok := target.(ErrorKind)
	return ok && kind == e.Kind
}

// Unwrap returns the cause if there is one: the context's error, or a [syscall.Errno] such as ECONNREFUSED.
func (e *Error) Unwrap() error { return e.cause }

// newError reads the core's error record, whose fields have the JSON names of [Error], except for those that it has in
// another form. Durations are in seconds.
func newError(result *native.Result) *Error {
	e := new(Error)
	record := struct {
		*Error
		Headers    [][2]string `json:"headers"`
		RetryAfter float64     `json:"retry_after"`
		Elapsed    float64     `json:"elapsed"`
		Cause      *struct {
			Message string  `json:"message"`
			Errno   uintptr `json:"errno"`
		} `json:"cause"`
	}{Error: e}
	if err := json.Unmarshal(result.ErrorJSON, &record); err != nil {
		return errInternal(err)
	}
	e.Option, e.Body = localizeOption(e.Option), result.Body
	e.RetryAfter, e.Elapsed = seconds(record.RetryAfter), seconds(record.Elapsed)
	if e.StatusCode == 0 {
		e.Message = localizeMessage(e.Message)
	} else if start := strings.LastIndex(e.Message, " (not retried: "); start >= 0 {
		// The core adds the reason. The service's own words stay as they are.
		e.Message = e.Message[:start] + localizeMessage(e.Message[start:])
	}
	if record.Headers != nil {
		e.Headers = make(http.Header, len(record.Headers))
		for _, header := range record.Headers {
			e.Headers.Add(header[0], header[1])
		}
	}
	switch cause := record.Cause; {
	case cause == nil:
	case cause.Errno != 0:
		e.cause = syscall.Errno(cause.Errno)
	default:
		e.cause = errors.New(cause.Message)
	}
	return e
}

// seconds converts seconds, rounded to the microsecond. Longer than 292 years is the longest duration.
func seconds(s float64) time.Duration {
	const longest = time.Duration(1<<63 - 1)
	if s >= longest.Seconds() {
		return longest
	}
	return time.Duration(s * float64(time.Second)).Round(time.Microsecond)
}
