// Plan runs 500 prompts within the limits of the Maker plan: go run ./plan 500.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"strconv"

	sdk "builderaikits.com/sdk"
)

func main() {
	client, err := sdk.NewClient(sdk.WithRateLimit(sdk.RateLimitMaker), sdk.WithTimeout(sdk.NoTimeout))
	if err != nil {
		log.Fatal(err)
	}
	rows, _ := strconv.Atoi(append(os.Args, "500")[1]) // the first argument, or 500
	succeeded, results := make(chan bool), map[bool]int{}
	for n := range rows {
		params := sdk.RunParams{Kit: sdk.KitClassifier, Input: sdk.RunInput{Prompt: fmt.Sprintf("Review %d: great", n)}}
		go func() { _, err := client.Kits.Run(context.Background(), params); succeeded <- err == nil }()
	}
	for range rows {
		results[<-succeeded]++
	}
	usage := client.Usage()
	fmt.Printf("%d runs, %d errors, %d tokens, %v USD\n%+v\n", results[true], results[false], usage.TotalTokens, usage.Cost, usage)
}
