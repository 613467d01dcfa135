package builderaikits

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"builderaikits.com/sdk/internal/native"
)

// Error is why a call failed, and all that is known of it. Every error of this package is one.
//
// It can be made by hand, to test the code that handles it:
//
//	err := &builderaikits.Error{Kind: builderaikits.ErrRateLimit, Status: 429, RetryAfter: 2 * time.Second}
type Error struct {
	// Kind of failure. errors.Is(err, ErrRateLimit) compares it.
	Kind ErrorKind
	// Message is one line: the service's words where it gave any, control characters escaped.
	Message string
	// Status of the answer; 0 where there was none.
	Status int
	// Code of the service's own, if it gave one. An open set.
	Code string
	// Body is what the service sent, but for the API key: the first 64 KiB where Status is 300 or above, all of it
	// where a 2xx could not be read, which may be paid for. It can hold parts of the prompt, and stands in no text.
	Body []byte
	// Headers of the answer.
	Headers Headers
	// RequestID is the service's name for the request, to give to support.
	RequestID string
	// Attempts begun, sent or not. 0: the call was refused before, or its context ended.
	Attempts int
	// RetryAfter is how long the service asked to wait; 0 where it did not.
	RetryAfter time.Duration
	// MayHaveRun tells whether any attempt may have run, and so may be billed: look at it before you repeat a call. True
	// for every call that its context cancelled once it had begun, sent or not.
	MayHaveRun bool
	// IsRetryable tells whether the call's options would repeat this outcome, whatever attempts, budget and time are
	// left.
	IsRetryable bool
	// IdempotencyKey of all attempts of the call. Where the context ended it: the one that you gave, if you gave one.
	IdempotencyKey string
	// Elapsed is from the start of the call to its end: queue, attempts and waits.
	Elapsed time.Duration

	cause error
}

// ErrorKind is a kind of failure, and the sentinel of all errors of it: errors.Is(err, ErrRateLimit).
type ErrorKind string

const (
	// ErrConfig means: an option of the client is missing or bad.
	ErrConfig ErrorKind = "config"
	// ErrInvalidRequest means: the request, or an option of the call, was refused before anything was sent.
	ErrInvalidRequest ErrorKind = "invalid_request"
	// ErrBadRequest is 400: the service found the request malformed.
	ErrBadRequest ErrorKind = "bad_request"
	// ErrAuthentication is 401: the API key is missing, wrong or revoked.
	ErrAuthentication ErrorKind = "authentication"
	// ErrPermissionDenied is 403: the API key may not do this.
	ErrPermissionDenied ErrorKind = "permission_denied"
	// ErrNotFound is 404: there is nothing at this address; check the base URL.
	ErrNotFound ErrorKind = "not_found"
	// ErrConflict is 409: the request conflicts with another one.
	ErrConflict ErrorKind = "conflict"
	// ErrUnprocessable is 422: the service understood the request and will not do it.
	ErrUnprocessable ErrorKind = "unprocessable"
	// ErrRateLimit is 429: too many requests or tokens; see [Error.RetryAfter].
	ErrRateLimit ErrorKind = "rate_limit"
	// ErrServer is 500 and above: the service failed.
	ErrServer ErrorKind = "server"
	// ErrStatus is any other status of 400 or above.
	ErrStatus ErrorKind = "status"
	// ErrConnection means: no answer, one that was cut short, or one that is not HTTP.
	ErrConnection ErrorKind = "connection"
	// ErrTLS means: the server could not be trusted. Nothing was sent.
	ErrTLS ErrorKind = "tls"
	// ErrTimeout means: a limit of time ran out, of the SDK or of the context; then it is context.DeadlineExceeded as well.
	ErrTimeout ErrorKind = "timeout"
	// ErrBadResponse means: the service answered something that is not a run; see [Error.Body], it may be paid for.
	ErrBadResponse ErrorKind = "bad_response"
	// ErrCancelled means: the context was cancelled; it is context.Canceled as well.
	ErrCancelled ErrorKind = "cancelled"
	// ErrClosed means: the client was closed before the call.
	ErrClosed ErrorKind = "closed"
	// ErrInternal means: a defect of the SDK, caught; other calls go on.
	ErrInternal ErrorKind = "internal"
)

// Error is the kind's name, such as rate_limit.
func (k ErrorKind) Error() string { return string(k) }

// Error is one line for a person: status, message, request id, attempts. Neither key nor prompt is in it.
func (e *Error) Error() string {
	var line strings.Builder
	if e.Status != 0 {
		line.WriteString(strconv.Itoa(e.Status) + ": ")
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
		line.WriteString(" (request " + strings.Trim(strconv.QuoteToGraphic(e.RequestID), `"`) + ", " + attempts + ")")
	case e.Attempts != 0:
		line.WriteString(" (" + attempts + ")")
	}
	return line.String()
}

// GoString is as Error, with the kind: body and headers can hold parts of the prompt.
func (e *Error) GoString() string {
	return fmt.Sprintf("&builderaikits.Error{%s: %s}", e.Kind, e.Error())
}

// Is tells whether target is the error's kind, for errors.Is.
func (e *Error) Is(target error) bool {
	kind, ok := target.(ErrorKind)
	return ok && kind == e.Kind
}

// Unwrap is what ended the call from outside, such as context.Canceled, if something did.
func (e *Error) Unwrap() error { return e.cause }

func failure(outcome *native.Outcome) *Error {
	return &Error{
		Kind:           ErrorKind(outcome.Kind),
		Message:        outcome.Message,
		Status:         outcome.HTTPStatus,
		Code:           outcome.Code,
		Body:           outcome.Body,
		Headers:        outcome.Headers,
		RequestID:      outcome.RequestID,
		Attempts:       outcome.Attempts,
		RetryAfter:     outcome.RetryAfter,
		MayHaveRun:     outcome.MayHaveRun,
		IsRetryable:    outcome.IsRetryable,
		IdempotencyKey: outcome.IdempotencyKey,
		Elapsed:        outcome.Elapsed,
	}
}
