// Package tap writes results in the Test Anything Protocol (https://testanything.org).
//
// The validation suite imports github.com/mndrix/tap-go, which Debian does not have. This package has
// the part of its interface that the suite uses.
package tap

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
)

// T is one program's results, numbered from 1.
type T struct {
	Writer io.Writer // standard output where nil
	TODO   bool      // a failure of what is yet to be done is none
	count  *int      // shared by a T and its Todo
}

// New begins a program's results.
func New() *T {
	return &T{count: new(int)}
}

func (t *T) printf(format string, values ...interface{}) {
	var to io.Writer = os.Stdout
	if t.Writer != nil {
		to = t.Writer
	}
	fmt.Fprintf(to, format, values...)
}

// Header writes the version, and the plan where the number of results is known beforehand.
func (t *T) Header(planned int) {
	t.printf("TAP version 13\n")
	if planned > 0 {
		t.printf("1..%d\n", planned)
	}
}

// AutoPlan writes the plan after the results.
func (t *T) AutoPlan() {
	t.printf("1..%d\n", *t.count)
}

// Count is how many results there were.
func (t *T) Count() int {
	return *t.count
}

// Ok is one result.
func (t *T) Ok(passed bool, description string) {
	*t.count++
	word, mark := "ok", "-"
	if !passed {
		word = "not ok"
	}
	if t.TODO {
		mark = "# TODO"
	}
	t.printf("%s %d %s %s\n", word, *t.count, mark, description)
}

// Pass is a good result.
func (t *T) Pass(description string) {
	t.Ok(true, description)
}

// Fail is a bad one.
func (t *T) Fail(description string) {
	t.Ok(false, description)
}

// Skip is so many results that could not be had.
func (t *T) Skip(number int, reason string) {
	for ; number > 0; number-- {
		*t.count++
		t.printf("ok %d # SKIP %s\n", *t.count, reason)
	}
}

// Todo is the same program, for what may still fail.
func (t *T) Todo() *T {
	return &T{Writer: t.Writer, TODO: true, count: t.count}
}

// Diagnostic writes a remark.
func (t *T) Diagnostic(message string) {
	for _, line := range strings.Split(strings.TrimRight(message, "\n"), "\n") {
		t.printf("# %s\n", line)
	}
}

// Diagnosticf writes a remark that is made of values.
func (t *T) Diagnosticf(format string, values ...interface{}) {
	t.Diagnostic(fmt.Sprintf(format, values...))
}

// YAML writes details of the result before it; JSON is a part of YAML.
func (t *T) YAML(details interface{}) error {
	text, err := json.MarshalIndent(details, "  ", "  ")
	if err == nil {
		t.printf("  ---\n  %s\n  ...\n", text)
	}
	return err
}
