// Errors shows how to handle each kind of error: BUILDERAIKITS_API_KEY=bak_revoked_x go run ./errors.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	sdk "builderaikits.com/sdk"
)

func main() {
	client, err := sdk.NewClient(sdk.WithTimeout(5 * time.Second))
	if err == nil {
		var run *sdk.Run
		if run, err = client.Kits.Run(context.Background(), sdk.RunParams{Kit: sdk.KitTextGen, Input: sdk.RunInput{Prompt: "Hello"}}); err == nil {
			fmt.Println(run.Output.Text)
			return
		}
	}
	fmt.Fprintf(os.Stderr, "%v\n%s\n", err, advice(err))
	os.Exit(1)
}

func advice(err error) string {
	var apiError *sdk.Error
	switch {
	case errors.Is(err, sdk.ErrConfig), errors.Is(err, sdk.ErrAuthentication):
		return "Set BUILDERAIKITS_API_KEY to a key from your dashboard that has not been revoked."
	case errors.Is(err, sdk.ErrInvalidRequest), errors.Is(err, sdk.ErrBadRequest):
		return "The request is invalid. Do not retry it."
	case errors.As(err, &apiError) && apiError.Kind == sdk.ErrRateLimit:
		return fmt.Sprintf("The rate limit of your plan is exceeded. Retry in %v.", apiError.RetryAfter)
	case apiError != nil && apiError.MayHaveRun:
		return "The call may have run. A retry may be billed again."
	}
	return "The call did not run. Retry it later."
}
