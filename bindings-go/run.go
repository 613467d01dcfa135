package builderaikits

import (
	"encoding/json"
	"net/http"
	"time"
)

// Run is a finished run, with the field names of the API.
//
// Only Output.Text is guaranteed. A field that the service left out is empty or 0. A field of an unexpected type is in
// Extra, like fields that this version does not know. Marshaled as JSON, a Run has the form of the API, and can be
// unmarshaled from it. Code that uses runs can be tested with runs that it constructs.
type Run struct {
	// ID is the run id, such as run_8f3k2m.
	ID string
	// Kit is the kit that ran.
	Kit Kit
	// Status is how the run ended, such as completed. New values may be added.
	Status string
	// Output is the output of the run.
	Output Output
	// Usage are the tokens that the run is billed by.
	Usage Usage
	// LatencyMS is how long the service worked on the run, in milliseconds.
	LatencyMS int64
	// Extra are fields that this version does not know. Numbers of more than 64 bits are rounded.
	Extra map[string]json.RawMessage
	// Cost is what the run cost: the price of its kit times its total tokens. It is nil where either is not known. It is not
	// part of the JSON.
	Cost *Cost
	// ResponseMetadata is how the SDK obtained the response. It is not part of the JSON.
	ResponseMetadata ResponseMetadata

	zeros zeroCounts
}

// Output is the output of a run.
type Output struct {
	// Text is the generated text.
	Text string
	// Extra are fields that this version does not know.
	Extra map[string]json.RawMessage
}

// Usage are the tokens that a run is billed by. A count that the service left out is 0; [Run.RawJSON] tells it apart from a
// count of 0.
type Usage struct {
	// InputTokens are the tokens of prompt and context.
	InputTokens int64
	// OutputTokens are the tokens of the output.
	OutputTokens int64
	// TotalTokens is the sum of both.
	TotalTokens int64
	// Extra are fields that this version does not know.
	Extra map[string]json.RawMessage

	zeros zeroCounts
}

// ResponseMetadata is how the SDK obtained a response.
type ResponseMetadata struct {
	// Attempts is the number of attempts, including the successful one.
	Attempts int
	// RequestID is the request id that the service assigned. Include it in support requests.
	RequestID string
	// IdempotencyKey is the Idempotency-Key of all attempts.
	IdempotencyKey string
	// Elapsed is the duration of the call, including queueing, all attempts and the waits between them.
	Elapsed time.Duration
	// Headers are the response headers.
	Headers http.Header
}
