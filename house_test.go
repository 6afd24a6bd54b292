// Package concord_test keeps the house in order: which package may import which, how long files and functions may be,
// and that every package says what it is for.
package concord_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/concordhq/concord"

// floors is the plan: a package imports only from the floors below its own. The longest prefix counts.
var floors = map[string]int{
	"gen":                  0,
	"rules":                1,
	"proof":                1,
	"proof/bundle":         2,
	"server/store":         1,
	"server/store/overlay": 2, // what the engines share
	"server/store/memory":  3,
	"server/store/bolt":    3,
	"server/journal":       3,
	"client":               2,
	"client/keep":          1,
	"client/scorecard":     2,
	"server/auth":          4,
	"server/deadline":      4,
	"server/watch":         4,
	"server/web":           4,
	"server/feed":          4,
	"server/seal":          4,
	"server/api":           5,
	"server":               6,
	"cmd":                  8,
	"proto":                8,
}

// only names packages that few may import, and who.
var only = map[string][]string{
	"server/store":                   {"server/journal", "server/store", "server"},
	"server/store/overlay":           {"server/store"},
	"server/store/bolt":              {"server"},
	"server/store/memory":            {"server"},
	"google.golang.org/grpc":         {"server/api", "server/auth", "server/web", "server", "client", "cmd", "gen"},
	"go.etcd.io/bbolt":               {"server/store/bolt"},
	"github.com/arran4/golang-ical":  {"server/feed"},
	"github.com/grpc-ecosystem":      {"server/web", "gen", "proto"},
	"github.com/teambition/rrule-go": {"rules"},
	"go.opentelemetry.io":            {"server", "server/web", "cmd/concordd"},
}

// calls that only few may make: time and chance reach everybody else as values.
var calls = map[string][]string{
	"time.Now":    {"server", "server/journal", "server/store/bolt", "server/web", "client", "cmd"},
	"crypto/rand": {"server", "server/journal", "server/store/bolt", "server/web", "client", "cmd"},
}

// Words that say nothing about what a package is for.
var forbidden = []string{"util", "utils", "common", "helper", "helpers", "model", "models", "dto", "impl", "manager", "mock", "mocks", "types", "base", "misc"}

const (
	maxFileLines     = 600
	maxFunctionLines = 70
)

// source is one Go file of ours.
type source struct {
	path, pkg string
	test      bool
	set       *token.FileSet
	file      *ast.File
}

func sources(t *testing.T) []source {
	t.Helper()
	var all []source
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() && (strings.HasPrefix(name, ".") && name != "." || name == "gen" || name == "testdata" || name == "node_modules") {
			return filepath.SkipDir
		}
		if d.IsDir() && name != "." {
			if _, err := os.Stat(filepath.Join(path, "go.mod")); err == nil {
				return filepath.SkipDir // a module of its own
			}
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, path, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		all = append(all, source{filepath.ToSlash(path), filepath.ToSlash(filepath.Dir(path)), strings.HasSuffix(name, "_test.go"), set, file})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 50 {
		t.Fatalf("only %d files found: is this the root of the module?", len(all))
	}
	return all
}

func floor(pkg string) (int, bool) {
	for {
		if n, ok := floors[pkg]; ok {
			return n, true
		}
		cut := strings.LastIndex(pkg, "/")
		if cut < 0 {
			return 0, false
		}
		pkg = pkg[:cut]
	}
}

func within(pkg string, houses []string) bool {
	for _, h := range houses {
		// "server" means the package itself; every other name covers what lies below it.
		if pkg == h || h != "server" && strings.HasPrefix(pkg, h+"/") {
			return true
		}
	}
	return false
}

func TestFloors(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || strings.Contains(s.pkg, "test") || s.pkg == "." {
			continue // tests and what is made for tests may look anywhere
		}
		mine, ok := floor(s.pkg)
		if !ok {
			t.Errorf("%s: package %s has no floor: give it one in house_test.go", s.path, s.pkg)
			continue
		}
		for _, spec := range s.file.Imports {
			path, _ := strconv.Unquote(spec.Path.Value)
			inside, ours := strings.CutPrefix(path, module+"/")
			if ours {
				if below, _ := floor(inside); below > mine || below == mine && !strings.HasPrefix(inside, strings.Split(s.pkg, "/")[0]) {
					t.Errorf("%s (floor %d) imports %s (floor %d)", s.path, mine, inside, below)
				}
				path = inside
			}
			for guarded, houses := range only {
				if (path == guarded || !ours && strings.HasPrefix(path, guarded+"/")) && !within(s.pkg, houses) {
					t.Errorf("%s imports %s, which only %v may", s.path, path, houses)
				}
			}
			if houses, ok := calls[path]; ok && !within(s.pkg, houses) {
				t.Errorf("%s imports %s, which only %v may", s.path, path, houses)
			}
		}
	}
}

func TestTimeIsAValue(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || strings.Contains(s.pkg, "test") || within(s.pkg, calls["time.Now"]) {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok {
				if x, ok := sel.X.(*ast.Ident); ok && x.Name == "time" && sel.Sel.Name == "Now" {
					t.Errorf("%s reads the clock; time must come in as a value", s.set.Position(n.Pos()))
				}
			}
			return true
		})
	}
}

func TestStyle(t *testing.T) {
	documented := map[string]bool{}
	for _, s := range sources(t) {
		if lines := s.set.File(s.file.Pos()).LineCount(); lines > maxFileLines {
			t.Errorf("%s has %d lines; at most %d", s.path, lines, maxFileLines)
		}
		for _, word := range forbidden {
			if filepath.Base(s.pkg) == word || s.file.Name.Name == word {
				t.Errorf("%s: %q says nothing about what a package is for", s.path, word)
			}
		}
		if !s.test {
			documented[s.pkg] = documented[s.pkg] || s.file.Doc != nil
		}
		for _, decl := range s.file.Decls {
			checkDecl(t, s, decl)
		}
	}
	for pkg, ok := range documented {
		if !ok {
			t.Errorf("package %s does not say what it is for", pkg)
		}
	}
}

func checkDecl(t *testing.T, s source, decl ast.Decl) {
	switch d := decl.(type) {
	case *ast.FuncDecl:
		if d.Body != nil {
			if lines := s.set.Position(d.End()).Line - s.set.Position(d.Pos()).Line + 1; lines > maxFunctionLines && !table(d) {
				t.Errorf("%s: %s has %d lines; at most %d", s.set.Position(d.Pos()), d.Name.Name, lines, maxFunctionLines)
			}
		}
		if !s.test && d.Name.IsExported() && d.Doc == nil && exportedReceiver(d) {
			t.Errorf("%s: %s has no sentence", s.set.Position(d.Pos()), d.Name.Name)
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			if ts, ok := spec.(*ast.TypeSpec); ok && !s.test && ts.Name.IsExported() && d.Doc == nil && ts.Doc == nil {
				t.Errorf("%s: %s has no sentence", s.set.Position(ts.Pos()), ts.Name.Name)
			}
		}
	}
}

// table says whether a function is one of the two switches that are the table of contents of the product.
func table(d *ast.FuncDecl) bool {
	return d.Name.Name == "Apply" && d.Recv == nil || d.Name.Name == "decide" && d.Recv != nil
}

func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	kind := d.Recv.List[0].Type
	if star, ok := kind.(*ast.StarExpr); ok {
		kind = star.X
	}
	name, ok := kind.(*ast.Ident)
	return ok && name.IsExported()
}
