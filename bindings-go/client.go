// Package builderaikits is the official Go SDK of BuilderAI Kits, a service that runs prompts on kits.
//
//	client, err := builderaikits.NewClient() // the key from BUILDERAIKITS_API_KEY
//	run, err := client.Kits.Run(ctx, builderaikits.RunParams{
//		Kit:    builderaikits.KitTextGen,
//		Input:  builderaikits.RunInput{Prompt: "Hello"},
//		Config: &builderaikits.RunConfig{MaxTokens: builderaikits.Int(500)},
//	})
//	fmt.Println(run.Output.Text)
//
// The client retries 429, 408, 5xx and failed connections. It does not retry a call that was sent but got no response,
// unless [WithRetryAmbiguous] is set. [Error.MayHaveRun] says whether a failed call may be billed. If a context ends, its
// request is aborted.
//
// [WithRateLimit] sets the limits of your plan, to which the client keeps. [Run.Cost], [Client.Usage] and [Kits.Estimate] say
// what runs cost.
//
// The SDK's core is written in Rust and linked as a static library. A build needs cgo and a C compiler, but no Rust. A call
// holds no operating system thread while it waits.
package builderaikits

import (
	"errors"
	"runtime"

	"builderaikits.com/sdk/internal/native"
)

// Version is the version of this module, which is part of the User-Agent.
const Version = "0.1.0"

// Client calls the service. Create one and keep it: it holds the connections, the retry budget, the rate limit and the
// concurrency limit. It is safe for concurrent use.
type Client struct {
	// Kits runs prompts on kits.
	Kits Kits

	handle uint64
}

// NewClient creates a client. Options override the environment variables BUILDERAIKITS_API_KEY, BUILDERAIKITS_BASE_URL,
// BUILDERAIKITS_RATE_LIMIT, BUILDERAIKITS_CUSTOM_HEADERS, HTTPS_PROXY, ALL_PROXY and NO_PROXY.
//
// The error is an [*Error] of kind [ErrConfig]. It names the option that is missing or invalid; in a program that was built
// without cgo it says how to build it.
func NewClient(options ...Option) (*Client, error) {
	return newClient(0, options)
}

// WithOptions returns a copy of c with these options. The copy shares connections, retry budget, rate limit and
// concurrency limit with c, and is closed with it; closing the copy closes the copy alone. Options of what is shared, such as
// [WithProxy] and [WithRateLimit], are rejected.
//
// The errors are those of [NewClient].
func (c *Client) WithOptions(options ...Option) (*Client, error) {
	if c == nil || c.handle == 0 {
		return nil, errNoClient()
	}
	defer runtime.KeepAlive(c)
	return newClient(c.handle, options)
}

// Close closes c and, unless it is a copy itself, its copies. Later calls fail with [ErrClosed]; calls in flight finish. Close can be called repeatedly, and
// its error is always nil: it is there for [io.Closer].
//
// A client that becomes unreachable without Close closes its connections too.
func (c *Client) Close() error {
	if c != nil && c.handle != 0 {
		native.CloseClient(c.handle)
		runtime.KeepAlive(c)
	}
	return nil
}

func newClient(base uint64, options []Option) (*Client, error) {
	w := newOptionWriter(ErrConfig)
	if base == 0 {
		w.set("language", "go")
	}
	for _, option := range options {
		if option != nil {
			option.applyToClient(w)
		}
	}
	encoded, err := w.encode()
	if err != nil {
		return nil, err
	}
	w.applyLogger()
	handle, rejected, err := native.NewClient(base, encoded)
	var unavailable native.UnavailableError
	switch {
	case errors.As(err, &unavailable):
		return nil, &Error{Kind: ErrConfig, Message: err.Error()}
	case err != nil:
		return nil, errInternal(err)
	case rejected != nil:
		return nil, newError(rejected)
	}
	c := &Client{handle: handle}
	c.Kits.client = c
	runtime.AddCleanup(c, native.FreeClient, handle)
	return c, nil
}

func errNoClient() *Error {
	return &Error{Kind: ErrConfig, Message: "The client is nil or was not created with NewClient."}
}

func errInternal(err error) *Error {
	return &Error{Kind: ErrInternal, Message: err.Error(), cause: err}
}
