// Package lines is the conversation of both programs: one JSON object per line on standard input, one answer per line on standard output.
// The program ends when standard input ends, so that it never outlives the process that started it.
package lines

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"sync"
)

// lineBytesMax bounds one request; requests hold a few short fields.
const lineBytesMax = 1 << 20

var mutex sync.Mutex

// Write prints one JSON object and a line feed.
func Write(value any) {
	mutex.Lock()
	defer mutex.Unlock()
	if err := json.NewEncoder(os.Stdout).Encode(value); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// Serve decodes each request into a T and answers it with what handle returns, or with its error. Requests are handled in order.
func Serve[T any](handle func(request T) (any, error)) error {
	scanner := bufio.NewScanner(os.Stdin)
	scanner.Buffer(make([]byte, 0, 64*1024), lineBytesMax)
	for scanner.Scan() {
		var request T
		if err := json.Unmarshal(scanner.Bytes(), &request); err != nil {
			Write(map[string]any{"ok": false, "error": "request: " + err.Error()})
			continue
		}
		result, err := handle(request)
		if err != nil {
			Write(map[string]any{"ok": false, "error": err.Error()})
			continue
		}
		Write(map[string]any{"ok": true, "result": result})
	}
	return scanner.Err()
}
