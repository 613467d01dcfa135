package builderaikits_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"os"
	"time"

	builderaikits "builderaikits.com/sdk"
)

func Example() {
	client, err := builderaikits.NewClient() // the key from BUILDERAIKITS_API_KEY
	if err != nil {
		log.Fatal(err)
	}
	run, err := client.Kits.Run(context.Background(), builderaikits.RunParams{
		Kit:    builderaikits.KitTextGen,
		Input:  builderaikits.RunInput{Prompt: "Hello"},
		Config: &builderaikits.RunConfig{MaxTokens: builderaikits.Int(500)},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(run.Output.Text)
}

func ExampleNewClient() {
	client, err := builderaikits.NewClient(
		builderaikits.WithTimeout(30*time.Second),
		builderaikits.WithMaxRetries(5),
		builderaikits.WithAppName("my-app/1.2"),
		builderaikits.WithLogger(slog.New(slog.NewTextHandler(os.Stderr, nil))),
	)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
}

// A call can override options of its client. It is aborted when its context ends.
func ExampleKits_Run() {
	client, err := builderaikits.NewClient()
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	params := builderaikits.RunParams{Kit: builderaikits.KitSummarizer, Input: builderaikits.RunInput{Prompt: "In one point.", Context: "A long text."}}
	run, err := client.Kits.Run(ctx, params, builderaikits.WithMaxRetries(0))
	if errors.Is(err, context.DeadlineExceeded) {
		log.Fatal("too slow")
	}
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(run.Status)
	// Output: completed
}

// Calls beyond the limit wait for their turn. The client knows what they cost.
func ExampleWithRateLimit() {
	client, err := builderaikits.NewClient(
		builderaikits.WithRateLimit(builderaikits.RateLimitMaker),
		builderaikits.WithTimeout(builderaikits.NoTimeout),
	)
	if err != nil {
		log.Fatal(err)
	}
	params := builderaikits.RunParams{
		Kit:    builderaikits.KitTextGen,
		Input:  builderaikits.RunInput{Prompt: "Hello"},
		Config: &builderaikits.RunConfig{MaxTokens: builderaikits.Int(500)},
	}
	estimate, err := client.Kits.Estimate(params)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("at most", estimate.MaxCost, "USD") // MaxCost is nil for a kit without a known price
	run, err := client.Kits.Run(context.Background(), params)
	if err != nil {
		log.Fatal(err)
	}
	usage := client.Usage()
	fmt.Println(usage.Cost == *run.Cost, usage.Pacing.LimitRequests, usage.Pacing.LimitPer)
	// Output:
	// at most 0.0002008 USD
	// true 30 1m0s
}

func ExampleKitInfoOf() {
	if info, ok := builderaikits.KitInfoOf(builderaikits.KitSummarizer); ok {
		fmt.Println(info.Purpose, info.MaxTokens, info.PricePer1KTokens)
	}
	// Output: document and article summarization 16384 0.0005
}

func ExampleQuota() {
	quota := builderaikits.Quota{Requests: 300, Tokens: 200_000, Per: 10 * time.Second}
	client, err := builderaikits.NewClient(builderaikits.WithRateLimit(quota.RateLimit()))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(client.Usage().Pacing.LimitTokens)
	// Output: 200000
}

func ExampleError() {
	handle := func(err error) {
		var failed *builderaikits.Error
		switch {
		case errors.Is(err, builderaikits.ErrAuthentication):
			fmt.Println("create a new API key")
		case errors.As(err, &failed) && failed.MayHaveRun:
			fmt.Println("may be billed:", failed.RequestID)
		default:
			fmt.Println("try again later")
		}
	}
	// Code that handles errors can be tested with errors that it constructs.
	handle(&builderaikits.Error{Kind: builderaikits.ErrServer, StatusCode: 500, RequestID: "req_1", MayHaveRun: true})
	// Output: may be billed: req_1
}

// Code that takes an interface can be tested without a server: its tests construct runs.
func ExampleRun() {
	type runner interface {
		Run(context.Context, builderaikits.RunParams, ...builderaikits.RunOption) (*builderaikits.Run, error)
	}
	shout := func(r runner) string {
		run, err := r.Run(context.Background(), builderaikits.RunParams{})
		if err != nil {
			return err.Error()
		}
		return run.Output.Text + "!"
	}
	fmt.Println(shout(fake{&builderaikits.Run{Output: builderaikits.Output{Text: "hi"}}}))
	// Output: hi!
}

type fake struct{ run *builderaikits.Run }

func (f fake) Run(context.Context, builderaikits.RunParams, ...builderaikits.RunOption) (*builderaikits.Run, error) {
	return f.run, nil
}
