// Package builderaikits is the official Go SDK of BuilderAI Kits: run prompts on kits, with typed answers and errors.
//
//	client, err := builderaikits.NewClient() // the key from BUILDERAIKITS_API_KEY
//	run, err := client.Kits.Run(ctx, builderaikits.RunParams{
//		Kit:    builderaikits.KitTextGen,
//		Input:  builderaikits.Input{Prompt: "Hello"},
//		Config: &builderaikits.Config{MaxTokens: builderaikits.Int(500)},
//	})
//	fmt.Println(run.Output.Text)
//
// 429 and 408, connections that could not be made, and 5xx, which the service calls its own fault, are repeated;
// a call that was sent and got no answer is not, unless [WithRetryAmbiguous] says so. [Error.MayHaveRun] tells
// whether a failed call may be billed all the same. A context that ends aborts the request itself.
//
// The work is done by a core in Rust, which is linked into the program: building needs cgo and a C compiler, and no
// Rust. No call holds an operating system's thread while it waits.
package builderaikits

import (
	"errors"
	"runtime"

	"builderaikits.com/sdk/internal/native"
)

// Version of this module, as in the User-Agent.
const Version = "0.1.0"

// Client calls the service. Make one and keep it: it holds the connections, the retry budget and the limit of calls on
// the wire. It is safe for concurrent use by any number of goroutines.
type Client struct {
	// Kits runs prompts on kits.
	Kits Kits

	handle uint64
}

// NewClient makes a client. Options win over the environment: BUILDERAIKITS_API_KEY, BUILDERAIKITS_BASE_URL,
// BUILDERAIKITS_CUSTOM_HEADERS, HTTPS_PROXY and the like.
//
// The error is an [*Error] of kind [ErrConfig] that names the option that is missing or bad, or, in a program that was
// built without cgo, says how to build it.
func NewClient(options ...Option) (*Client, error) {
	return newClient(0, options)
}

// WithOptions makes a copy with other options over those of c. It shares connections, retry budget and limits with c,
// and closes with it; options that are about those cannot differ.
//
// The error is as of [NewClient].
func (c *Client) WithOptions(options ...Option) (*Client, error) {
	if c == nil || c.handle == 0 {
		return nil, noClient()
	}
	defer runtime.KeepAlive(c)
	return newClient(c.handle, options)
}

// Close refuses new calls of c and of its copies, with [ErrClosed]; those in flight finish. It may be called again.
//
// A client that is no longer reachable gives its connections back by itself.
func (c *Client) Close() {
	if c != nil && c.handle != 0 {
		native.CloseClient(c.handle)
		runtime.KeepAlive(c)
	}
}

func newClient(base uint64, options []Option) (*Client, error) {
	s := settings{kind: ErrConfig}
	if base == 0 {
		s.text("language", "go")
	}
	for _, option := range options {
		if option != nil {
			option.client(&s)
		}
	}
	given, err := s.done()
	if err != nil {
		return nil, err
	}
	s.log()
	handle, refused, err := native.NewClient(base, given)
	var unavailable native.ErrUnavailable
	switch {
	case errors.As(err, &unavailable):
		return nil, &Error{Kind: ErrConfig, Message: err.Error()}
	case err != nil:
		return nil, defect(err)
	case refused != nil:
		return nil, failure(refused)
	}
	c := &Client{handle: handle}
	c.Kits.client = c
	runtime.AddCleanup(c, native.FreeClient, handle)
	return c, nil
}

func noClient() *Error {
	return &Error{Kind: ErrConfig, Message: "client: is nil or was not made by NewClient"}
}

func defect(err error) *Error {
	return &Error{Kind: ErrInternal, Message: err.Error(), cause: err}
}
