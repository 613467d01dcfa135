// Many prompts at once: eight on the wire, the first fifty answers taken, and the rest given up: go run ./concurrency.
package main

import (
	"context"
	"fmt"
	"log"
	"time"

	sdk "builderaikits.com/sdk"
)

func main() {
	// One client for all: it holds the connections, and lets eight calls at once on the wire.
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
	fmt.Printf("50 answers, %d tokens\n", tokens)

	// A context that ends aborts requests, and the wait of calls that are not sent yet.
	cancel()
	fmt.Println("the rest was given up:", <-failures)
}
