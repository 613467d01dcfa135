//go:build cgo

package builderaikits_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestOnlyNativePackagesUseCgo(t *testing.T) {
	seen := 0
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, imported := range file.Imports {
			if imported.Path.Value == `"C"` || imported.Path.Value == `"unsafe"` {
				seen++
				if folder := filepath.ToSlash(filepath.Dir(path)); folder != "internal/native" && !strings.HasPrefix(folder, "lib/") {
					t.Errorf("%s imports %s", path, imported.Path.Value)
				}
			}
		}
		return nil
	})
	if err != nil || seen < 8 {
		t.Errorf("%d imports, %v", seen, err)
	}
}

func TestExamples(t *testing.T) {
	table := []struct {
		name, argument, key string
		words               []string
	}{
		{"quickstart", "Hello from Go", "bak_test", []string{"Hello from Go", "completed", "1 attempt"}},
		{"errors", "", "bak_revoked_x", []string{"401: ", "has not been revoked"}},
		{"errors", "", "", []string{"WithAPIKey", "Set BUILDERAIKITS_API_KEY"}},
		{"plan", "3", "bak_test", []string{"3 runs, 0 errors, ", " USD\n", "Runs:3", "LimitOrigin:configured LimitRequests:30 LimitTokens:15000 LimitPer:1m0s"}},
		{"plan", "2", "bak_revoked_x", []string{"0 runs, 2 errors, 0 tokens, 0 USD"}},
		{"concurrency", "", "bak_test", []string{"50 runs", "canceled: builderaikits: The context was canceled."}},
	}
	for _, row := range table {
		command := exec.Command(target("go", row.name))
		if row.argument != "" {
			command.Args = append(command.Args, row.argument)
		}
		command.Env = append(os.Environ(), "BUILDERAIKITS_API_KEY="+row.key)
		out, err := command.CombinedOutput()
		if (err == nil) == (row.name == "errors") {
			t.Errorf("%s: %v", row.name, err)
		}
		for _, word := range row.words {
			if !strings.Contains(string(out), word) {
				t.Errorf("%s: %q is missing in %s", row.name, word, out)
			}
		}
	}
	files, err := filepath.Glob("../examples/go/*/main.go")
	if err != nil || len(files) != 4 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		source, err := os.ReadFile(file)
		if lines := strings.Count(string(source), "\n"); err != nil || lines > 40 {
			t.Errorf("%s: %d lines, %v", file, lines, err)
		}
	}
}
