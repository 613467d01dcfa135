//go:build !cgo

package builderaikits_test

import (
	"errors"
	"strings"
	"testing"

	sdk "builderaikits.com/sdk"
)

func TestNewClientWithoutCgo(t *testing.T) {
	_, err := sdk.NewClient(sdk.WithAPIKey("bak_1"))
	if !errors.Is(err, sdk.ErrConfig) || !strings.Contains(err.Error(), "CGO_ENABLED=1") {
		t.Fatal(err)
	}
	if info, ok := sdk.KitInfoOf(sdk.KitTextGen); ok {
		t.Error(info)
	}
}
