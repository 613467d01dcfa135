// Puts the Go package together as a release serves it: files of the module proxy's protocol, for the root module and
// for the library of each platform.
//
//	release -tag TAG CHECKOUT FOLDER
//	release -partial CHECKOUT FOLDER
//
// The folder then serves as GOPROXY=file://FOLDER, and as what builderaikits.com/sdk's page points at (go-import.html).
// What it has of other versions stays, and is listed; a version that it has is never changed.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"
	"golang.org/x/mod/zip"
)

const root = "builderaikits.com/sdk"

func main() {
	log.SetFlags(0)
	var r release
	flag.BoolVar(&r.partial, "partial", false, "a try: without a tag, and going on where the library of a platform is missing")
	flag.StringVar(&r.tag, "tag", "", "the tag that is released; it must be the version of the code")
	flag.Parse()
	if flag.NArg() != 2 || r.partial == (r.tag != "") {
		log.Fatal("usage: release -tag TAG|-partial CHECKOUT FOLDER")
	}
	r.checkout, r.folder = flag.Arg(0), flag.Arg(1)
	if err := r.write(); err != nil {
		log.Fatal(err)
	}
}

type release struct {
	checkout, folder, tag string
	partial               bool
}

func (r release) write() error {
	source := filepath.Join(r.checkout, "bindings-go")
	code, err := os.ReadFile(filepath.Join(source, "client.go"))
	if err != nil {
		return err
	}
	found := regexp.MustCompile(`const Version = "(.+)"`).FindSubmatch(code)
	if found == nil {
		return fmt.Errorf("client.go has no version")
	}
	version := "v" + string(found[1])
	if !r.partial && r.tag != version {
		return fmt.Errorf("the tag is %s, and the version in client.go %s", r.tag, version)
	}
	requires, err := os.ReadFile(filepath.Join(source, "go.mod"))
	if err != nil {
		return err
	}
	libraries, err := filepath.Glob(filepath.Join(source, "lib", "*"))
	if err != nil {
		return err
	}
	for _, library := range libraries {
		name := root + "/lib/" + filepath.Base(library)
		if !strings.Contains(string(requires), name+" "+version+"\n") {
			return fmt.Errorf("go.mod does not require %s %s", name, version)
		}
		parts := []string{"libbuilderaikits.a"}
		if strings.Contains(name, "/linux_") {
			parts = append(parts, "has_musl.h")
		}
		for _, part := range parts {
			if _, err := os.Stat(filepath.Join(library, part)); err != nil && !r.partial {
				return err
			} else if err != nil {
				log.Printf("%s: without %s, which was not built here", name, part)
			}
		}
	}
	// The root module comes last: whoever sees it finds what it requires.
	names, sources := []string{}, append(libraries, source)
	for _, library := range libraries {
		names = append(names, root+"/lib/"+filepath.Base(library))
	}
	names = append(names, root)
	for _, name := range names {
		if _, err := listed(r.list(name)); err != nil {
			return err
		}
	}
	for i, name := range names {
		if err := r.module(module.Version{Path: name, Version: version}, sources[i]); err != nil {
			return err
		}
	}
	return nil
}

// module makes the files of one module: its zip, its go.mod, and its place in the list of versions.
func (r release) module(m module.Version, source string) error {
	files, err := files(source, r.checkout)
	if err != nil {
		return err
	}
	to := filepath.Join(r.folder, filepath.FromSlash(m.Path), "@v")
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	var made bytes.Buffer
	if err := zip.Create(&made, m, files); err != nil {
		return err
	}
	before, err := os.ReadFile(filepath.Join(to, m.Version+".zip"))
	if err == nil && !bytes.Equal(before, made.Bytes()) {
		return fmt.Errorf("%s %s is there already, with other content: a version never changes", m.Path, m.Version)
	}
	if err != nil {
		mod, err := os.ReadFile(filepath.Join(source, "go.mod"))
		if err != nil {
			return err
		}
		info, err := json.Marshal(struct {
			Version string
			Time    time.Time
		}{m.Version, time.Now().UTC()})
		if err != nil {
			return err
		}
		// The zip is last: where it is, the others are.
		for _, file := range []struct {
			end     string
			content []byte
		}{{".info", info}, {".mod", mod}, {".zip", made.Bytes()}} {
			if err := os.WriteFile(filepath.Join(to, m.Version+file.end), file.content, 0o644); err != nil {
				return err
			}
		}
	}
	fmt.Printf("%s %s: %d files, %d bytes\n", m.Path, m.Version, len(files), made.Len())
	versions, err := listed(r.list(m.Path))
	if err != nil {
		return err
	}
	versions = append(versions, m.Version)
	semver.Sort(versions)
	return os.WriteFile(r.list(m.Path), []byte(strings.Join(slices.Compact(versions), "\n")+"\n"), 0o644)
}

// list is the file of a module's versions.
func (r release) list(name string) string {
	return filepath.Join(r.folder, filepath.FromSlash(name), "@v", "list")
}

// listed are the versions of a list; none where there is none yet.
func listed(file string) ([]string, error) {
	content, err := os.ReadFile(file)
	if err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	versions := strings.Fields(string(content))
	for _, version := range versions {
		if semver.Canonical(version) != version {
			return nil, fmt.Errorf("%s: %q is no version: this is no list of them", file, version)
		}
	}
	return versions, nil
}

// files are the module's own: Go, the header, the library, its page, and the licences. Of the tests only the examples,
// which the documentation shows; the others need the checkout.
func files(source, checkout string) (files []zip.File, err error) {
	err = filepath.WalkDir(source, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(source, path)
		if err != nil {
			return err
		}
		_, nested := os.Stat(filepath.Join(path, "go.mod"))
		if entry.IsDir() && name != "." && (nested == nil || name == "ffi" || name == "testdata") {
			return filepath.SkipDir
		}
		switch {
		case entry.IsDir():
		case strings.HasSuffix(name, "_test.go") && name != "example_test.go":
		case strings.HasSuffix(name, ".go"), strings.HasSuffix(name, ".h"), strings.HasSuffix(name, ".a"),
			name == "go.mod", name == "README.md":
			files = append(files, file{filepath.ToSlash(name), path})
		}
		return nil
	})
	for _, licence := range []string{"LICENSE", "LICENSE-APACHE", "LICENSE-MIT"} {
		files = append(files, file{licence, filepath.Join(checkout, licence)})
	}
	return files, err
}

type file struct{ name, path string }

func (f file) Path() string                 { return f.name }
func (f file) Lstat() (fs.FileInfo, error)  { return os.Lstat(f.path) }
func (f file) Open() (io.ReadCloser, error) { return os.Open(f.path) }
