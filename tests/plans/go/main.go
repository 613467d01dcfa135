// Plans starts many calls at once and prints what became of them as one line of JSON: plans ROWS TIMEOUT_SECONDS|none.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"strconv"
	"sync"
	"time"

	sdk "builderaikits.com/sdk"
)

func main() {
	rows, err := strconv.Atoi(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	timeout := time.Duration(sdk.NoTimeout)
	if os.Args[2] != "none" {
		seconds, err := strconv.ParseFloat(os.Args[2], 64)
		if err != nil {
			log.Fatal(err)
		}
		timeout = time.Duration(seconds * float64(time.Second))
	}
	client, err := sdk.NewClient(sdk.WithTimeout(timeout))
	if err != nil {
		log.Fatal(err)
	}
	var (
		mutex              sync.Mutex
		group              sync.WaitGroup
		ok                 int
		seconds, lastError float64
	)
	failed := map[string]int{}
	start := time.Now()
	for row := range rows {
		group.Add(1)
		go func() {
			defer group.Done()
			params := sdk.RunParams{Kit: sdk.KitTextGen, Input: sdk.RunInput{Prompt: fmt.Sprintf("Row %d", row)}}
			_, err := client.Kits.Run(context.Background(), params)
			mutex.Lock()
			defer mutex.Unlock()
			var failure *sdk.Error
			switch {
			case err == nil:
				ok, seconds = ok+1, time.Since(start).Seconds()
			case errors.As(err, &failure):
				lastError = max(lastError, failure.Elapsed.Seconds())
				failed[fmt.Sprintf("%s %s: %s", failure.Kind, failure.RetryStoppedBy, failure.Message)]++
			default:
				log.Fatal(err)
			}
		}()
	}
	group.Wait()
	usage := client.Usage()
	report := map[string]any{
		"ok": ok, "seconds": seconds, "last_error": lastError, "errors": failed,
		"attempts": usage.Attempts, "rate_limited": usage.RateLimited,
	}
	if err := json.NewEncoder(os.Stdout).Encode(report); err != nil {
		log.Fatal(err)
	}
}
