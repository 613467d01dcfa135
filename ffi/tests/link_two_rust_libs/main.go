// A program that links the SDK and another Rust library. CGO_LDFLAGS names the other one: see `make ffi-link-test`.
package main

// #include <stdint.h>
// extern int32_t other_number(void);
import "C"

import (
	"context"
	"errors"
	"fmt"
	"log"

	sdk "builderaikits.com/sdk"
)

func main() {
	if n := C.other_number(); n != 42 {
		log.Fatal("the other library returned ", n)
	}
	client, err := sdk.NewClient(sdk.WithAPIKey("bak_test"), sdk.WithBaseURL("http://127.0.0.1:1/v1"), sdk.WithMaxRetries(0))
	if err != nil {
		log.Fatal(err)
	}
	_, err = client.Kits.Run(context.Background(), sdk.RunParams{Kit: sdk.KitTextGen, Input: sdk.RunInput{Prompt: "Hello"}})
	if !errors.Is(err, sdk.ErrConnection) {
		log.Fatal(err)
	}
	fmt.Println("two Rust libraries in one Go program: ok")
}
