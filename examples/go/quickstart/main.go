// Quickstart runs one prompt and prints the response: go run ./quickstart "Hello".
//
// It reads BUILDERAIKITS_API_KEY, and BUILDERAIKITS_BASE_URL for a server other than the official one.
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	builderaikits "builderaikits.com/sdk"
)

func main() {
	prompt := "Say hello to a new user."
	if len(os.Args) > 1 {
		prompt = os.Args[1]
	}

	client, err := builderaikits.NewClient()
	if err != nil {
		log.Fatal(err)
	}
	run, err := client.Kits.Run(context.Background(), builderaikits.RunParams{
		Kit:    builderaikits.KitTextGen,
		Input:  builderaikits.RunInput{Prompt: prompt},
		Config: &builderaikits.RunConfig{MaxTokens: builderaikits.Int(500)},
	})
	if err != nil {
		log.Fatal(err)
	}

	fmt.Printf("%s\n\n", run.Output.Text)
	fmt.Printf("run        %s (%s)\n", run.ID, run.Status)
	fmt.Printf("tokens     %d in, %d out\n", run.Usage.InputTokens, run.Usage.OutputTokens)
	fmt.Printf("request    %s\n", run.ResponseMetadata.RequestID)
	fmt.Printf("took       %v, %d attempt(s)\n", run.ResponseMetadata.Elapsed, run.ResponseMetadata.Attempts)
}
