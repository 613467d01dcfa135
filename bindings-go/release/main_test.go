package main

import (
	"archive/zip"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// checkout creates the files of a checkout that a release reads.
func checkout(t *testing.T, version string) string {
	t.Helper()
	folder := t.TempDir()
	for name, content := range map[string]string{
		"LICENSE": "", "LICENSE-APACHE": "", "LICENSE-MIT": "", "ffi/THIRD-PARTY-NOTICES": "",
		"bindings-go/client.go":                          "package builderaikits\n\nconst Version = \"" + version + "\"\n",
		"bindings-go/go.mod":                             "module " + root + "\n\nrequire " + library + " v" + version + "\n",
		"bindings-go/lib/linux_amd64/go.mod":             "module " + library + "\n",
		"bindings-go/lib/linux_amd64/libbuilderaikits.a": "an archive",
		"bindings-go/lib/linux_amd64/has_musl.h":         "",
	} {
		write(t, filepath.Join(folder, name), content)
	}
	return folder
}

const library = root + "/lib/linux_amd64"

func write(t *testing.T, name, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// tree returns the names and contents of all files of a folder.
func tree(t *testing.T, folder string) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		all.WriteString(path + "\n" + string(content) + "\n")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

// The notices are in the modules with compiled code only.
func TestNoticesOfTheLibrary(t *testing.T) {
	folder := t.TempDir()
	if err := (release{checkout: checkout(t, "0.2.0"), folder: folder, tag: "v0.2.0"}).write(); err != nil {
		t.Fatal(err)
	}
	for name, wanted := range map[string]bool{root: false, library: true} {
		archive, err := zip.OpenReader(filepath.Join(folder, filepath.FromSlash(name), "@v", "v0.2.0.zip"))
		if err != nil {
			t.Fatal(err)
		}
		defer archive.Close()
		if found, _ := archive.Open(name + "@v0.2.0/THIRD-PARTY-NOTICES"); (found != nil) != wanted {
			t.Errorf("%s: %v", name, found)
		}
	}
}

func TestPublishedVersionsStay(t *testing.T) {
	folder := t.TempDir()
	for _, version := range []string{"0.2.0", "0.10.0", "0.10.0-rc.1", "0.2.0"} {
		r := release{checkout: checkout(t, version), folder: folder, tag: "v" + version}
		if err := r.write(); err != nil {
			t.Fatal(err)
		}
		// Writing it again changes nothing.
		before := tree(t, folder)
		if err := r.write(); err != nil || tree(t, folder) != before {
			t.Errorf("%s, written again: %v", version, err)
		}
	}
	for _, name := range []string{root, library} {
		versions := filepath.Join(folder, filepath.FromSlash(name), "@v")
		list, err := os.ReadFile(filepath.Join(versions, "list"))
		if err != nil || string(list) != "v0.2.0\nv0.10.0-rc.1\nv0.10.0\n" {
			t.Errorf("%s: %q, %v", name, list, err)
		}
		if files, _ := filepath.Glob(filepath.Join(versions, "v*")); len(files) != 9 {
			t.Errorf("%q", files)
		}
	}
}

func TestRejectedReleases(t *testing.T) {
	table := map[string]struct {
		change func(r *release)
		words  string
	}{
		"another tag": {func(r *release) { r.tag = "v0.1.1" }, "the tag is v0.1.1, but the version in client.go is v0.1.0"},
		"no library": {func(r *release) {
			os.Remove(filepath.Join(r.checkout, "bindings-go/lib/linux_amd64/libbuilderaikits.a"))
		}, "libbuilderaikits.a"},
		"no object for musl": {func(r *release) { os.Remove(filepath.Join(r.checkout, "bindings-go/lib/linux_amd64/has_musl.h")) }, "has_musl.h"},
		"other content": {func(r *release) {
			write(t, filepath.Join(r.checkout, "bindings-go/lib/linux_amd64/libbuilderaikits.a"), "another archive")
		}, "a version never changes"},
		"another version of the library": {func(r *release) {
			write(t, filepath.Join(r.checkout, "bindings-go/go.mod"), "module "+root+"\n\nrequire "+library+" v0.0.9\n")
		}, "go.mod does not require"},
		"a list that is an HTML page": {func(r *release) {
			write(t, r.list(root), "<!doctype html>\n<title>Not found</title>\n")
		}, "is not a list of versions"},
	}
	for name, row := range table {
		t.Run(name, func(t *testing.T) {
			r := release{checkout: checkout(t, "0.1.0"), folder: t.TempDir(), tag: "v0.1.0"}
			if err := r.write(); err != nil {
				t.Fatal(err)
			}
			row.change(&r)
			before := tree(t, r.folder)
			if err := r.write(); err == nil || !strings.Contains(err.Error(), row.words) {
				t.Errorf("%v", err)
			}
			if tree(t, r.folder) != before {
				t.Error("the folder was changed")
			}
		})
	}
}
