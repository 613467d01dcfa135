// Puts the Go package together as a release serves it: files of the module proxy's protocol, for the root module and
// for the library of each platform.
//
//	release [-partial] CHECKOUT FOLDER
//
// The folder then serves as GOPROXY=file://FOLDER, and as what builderaikits.com/sdk's page points at (go-import.html).
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"golang.org/x/mod/module"
	"golang.org/x/mod/zip"
)

const root = "builderaikits.com/sdk"

func main() {
	log.SetFlags(0)
	partial := flag.Bool("partial", false, "go on where the library of a platform is missing")
	flag.Parse()
	if flag.NArg() != 2 {
		log.Fatal("usage: release [-partial] CHECKOUT FOLDER")
	}
	if err := release(flag.Arg(0), flag.Arg(1), *partial); err != nil {
		log.Fatal(err)
	}
}

func release(checkout, folder string, partial bool) error {
	source := filepath.Join(checkout, "bindings-go")
	code, err := os.ReadFile(filepath.Join(source, "client.go"))
	if err != nil {
		return err
	}
	found := regexp.MustCompile(`const Version = "(.+)"`).FindSubmatch(code)
	if found == nil {
		return fmt.Errorf("client.go has no version")
	}
	version := "v" + string(found[1])
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
		if _, err := os.Stat(filepath.Join(library, "libbuilderaikits.a")); err != nil {
			if !partial {
				return err
			}
			log.Printf("%s: without its library, which was not built here", name)
		}
		if err := write(folder, module.Version{Path: name, Version: version}, library, checkout); err != nil {
			return err
		}
	}
	return write(folder, module.Version{Path: root, Version: version}, source, checkout)
}

// write makes the files of one module: its list of versions, its go.mod, and its zip.
func write(folder string, m module.Version, source, checkout string) error {
	files, err := files(source, checkout)
	if err != nil {
		return err
	}
	to := filepath.Join(folder, filepath.FromSlash(m.Path), "@v")
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
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
	for name, content := range map[string][]byte{"list": []byte(m.Version + "\n"), m.Version + ".info": info, m.Version + ".mod": mod} {
		if err := os.WriteFile(filepath.Join(to, name), content, 0o644); err != nil {
			return err
		}
	}
	made, err := os.Create(filepath.Join(to, m.Version+".zip"))
	if err != nil {
		return err
	}
	if err := zip.Create(made, m, files); err != nil {
		return err
	}
	size, err := made.Seek(0, io.SeekCurrent)
	fmt.Printf("%s %s: %d files, %d bytes\n", m.Path, m.Version, len(files), size)
	return errors.Join(err, made.Close())
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
