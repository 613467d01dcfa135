// Release assembles a release of the Go package: the files of the module proxy protocol, for the root module and for the
// library of each platform.
//
//	release -tag TAG CHECKOUT FOLDER
//	release -partial CHECKOUT FOLDER
//
// FOLDER can be used as GOPROXY=file://FOLDER. Published, it is what go-import.html points to. Other versions in FOLDER stay
// and are listed. A version that exists is never changed.
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
	flag.BoolVar(&r.partial, "partial", false, "assemble without a tag, and without the libraries that were not built")
	flag.StringVar(&r.tag, "tag", "", "the tag to release; it must match the version of the code")
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
		return fmt.Errorf("client.go does not declare a version")
	}
	version := "v" + string(found[1])
	if !r.partial && r.tag != version {
		return fmt.Errorf("the tag is %s, but the version in client.go is %s", r.tag, version)
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
				log.Printf("%s: %s is missing, because it was not built", name, part)
			}
		}
	}
	// The root module is written last, so that the modules that it requires exist before it does.
	names, sources := []string{}, append(libraries, source)
	for _, library := range libraries {
		names = append(names, root+"/lib/"+filepath.Base(library))
	}
	names = append(names, root)
	for _, name := range names {
		if _, err := readList(r.list(name)); err != nil {
			return err
		}
	}
	for i, name := range names {
		if err := r.writeModule(module.Version{Path: name, Version: version}, sources[i]); err != nil {
			return err
		}
	}
	return nil
}

// writeModule writes the files of one module: its zip, its go.mod, and its line in the list of versions.
func (r release) writeModule(m module.Version, source string) error {
	files, err := moduleFiles(source, r.checkout)
	if err != nil {
		return err
	}
	to := filepath.Join(r.folder, filepath.FromSlash(m.Path), "@v")
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	var archive bytes.Buffer
	if err := zip.Create(&archive, m, files); err != nil {
		return err
	}
	before, err := os.ReadFile(filepath.Join(to, m.Version+".zip"))
	if err == nil && !bytes.Equal(before, archive.Bytes()) {
		return fmt.Errorf("%s %s exists with other content, and a version never changes", m.Path, m.Version)
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
		// The zip is written last: if it exists, the other files do too.
		for _, file := range []struct {
			suffix  string
			content []byte
		}{{".info", info}, {".mod", mod}, {".zip", archive.Bytes()}} {
			if err := os.WriteFile(filepath.Join(to, m.Version+file.suffix), file.content, 0o644); err != nil {
				return err
			}
		}
	}
	fmt.Printf("%s %s: %d files, %d bytes\n", m.Path, m.Version, len(files), archive.Len())
	versions, err := readList(r.list(m.Path))
	if err != nil {
		return err
	}
	versions = append(versions, m.Version)
	semver.Sort(versions)
	return os.WriteFile(r.list(m.Path), []byte(strings.Join(slices.Compact(versions), "\n")+"\n"), 0o644)
}

// list returns the path of the list of a module's versions.
func (r release) list(name string) string {
	return filepath.Join(r.folder, filepath.FromSlash(name), "@v", "list")
}

// readList reads a list of versions. If the file does not exist, there are none.
func readList(file string) ([]string, error) {
	content, err := os.ReadFile(file)
	if err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	versions := strings.Fields(string(content))
	for _, version := range versions {
		if semver.Canonical(version) != version {
			return nil, fmt.Errorf("%s is not a list of versions: it contains %q", file, version)
		}
	}
	return versions, nil
}

// moduleFiles returns the files of a module: Go files, the header, the library, README.md and the licenses. The only test file
// is that of the examples, which the documentation shows; the other tests need the repository.
func moduleFiles(source, checkout string) (files []zip.File, err error) {
	err = filepath.WalkDir(source, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(source, path)
		if err != nil {
			return err
		}
		_, nested := os.Stat(filepath.Join(path, "go.mod"))
		if entry.IsDir() && name != "." && (nested == nil || name == "testdata") {
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
	for _, license := range []string{"LICENSE", "LICENSE-APACHE", "LICENSE-MIT"} {
		files = append(files, file{license, filepath.Join(checkout, license)})
	}
	// Only the modules of the libraries have compiled code.
	if slices.ContainsFunc(files, func(f zip.File) bool { return strings.HasSuffix(f.Path(), ".a") }) {
		files = append(files, file{"THIRD-PARTY-NOTICES", filepath.Join(checkout, "ffi", "THIRD-PARTY-NOTICES")})
	}
	return files, err
}

type file struct{ name, path string }

func (f file) Path() string                 { return f.name }
func (f file) Lstat() (fs.FileInfo, error)  { return os.Lstat(f.path) }
func (f file) Open() (io.ReadCloser, error) { return os.Open(f.path) }
