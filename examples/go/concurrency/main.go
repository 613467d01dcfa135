// Concurrency starts 100 calls, at most 8 of them in flight, and cancels the rest after 50 runs: go run ./concurrency.
package main

import (
	"context"
	"fmt"
	"log"
	"time"

	sdk "builderaikits.com/sdk"
)

func main() {
	// All calls share one client, which holds the connections and limits concurrency.
	client, err := sdk.NewClient(sdk.WithMaxConcurrency(8), sdk.WithTimeout(30*time.Second))
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	runs, failures := make(chan *sdk.Run), make(chan error)
	for n := range 100 {
		go func() {
			params := sdk.RunParams{Kit: sdk.KitClassifier, Input: sdk.RunInput{Prompt: fmt.Sprintf("Review %d: a great product", n)}}
			if run, err := client.Kits.Run(ctx, params); err != nil {
				failures <- err
			} else if ctx.Err() == nil {
				runs <- run
			}
		}()
	}
	tokens := int64(0)
	for range 50 {
		tokens += (<-runs).Usage.TotalTokens
	}
	fmt.Printf("50 runs, %d tokens\n", tokens)

	// Canceling the context aborts requests in flight, and calls that are still queued.
	cancel()
	fmt.Println("the rest was canceled:", <-failures)
}
