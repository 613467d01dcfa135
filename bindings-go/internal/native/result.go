// Package native calls the core: requests and options go in as JSON, and a [Result] comes back.
//
// It and the libraries that it links are the only packages that use cgo. It makes no decisions.
package native

import (
	"errors"
	"net/http"
	"time"
)

// Result is a completed call. Absent fields are empty.
type Result struct {
	// ErrorJSON has the fields of an error except its body. Empty: the call succeeded.
	ErrorJSON []byte
	// Body is the response body of an error.
	Body []byte

	// The fields below belong to a success.

	Attempts       int
	Elapsed        time.Duration
	RequestID      string
	IdempotencyKey string
	Headers        http.Header
	// Payload is the response as JSON, of an operation other than kits.run.
	Payload string
	// Run is the response of kits.run.
	Run RunResult
}

// RunResult is the response of kits.run. Its fields are typed: read from JSON, they would cost several percent of a call.
type RunResult struct {
	ID, Kit, Status, Text                           string
	InputTokens, OutputTokens, TotalTokens, Latency OptionalUint
	CostNanoUSD                                     OptionalUint
	// JSON objects.
	Extra, OutputExtra, UsageExtra string
}

// OptionalUint is a number that the service may have left out.
type OptionalUint struct {
	Value uint64
	Valid bool
}

// LogRecord is a record of the core's log.
type LogRecord struct {
	Debug   bool
	Message string
}

// UnavailableError says why this program has no core.
type UnavailableError string

func (e UnavailableError) Error() string { return string(e) }

// ErrNotStarted is returned for a call whose context ended before the call reached the core.
var ErrNotStarted = errors.New("the context ended before the call was started")
