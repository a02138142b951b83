package conf

import (
	"errors"
	"slices"

	"github.com/BurntSushi/toml"
)

// A node is one key of the file: its value and where it stands.
type node struct {
	key     toml.Key
	value   any              // as toml decodes it
	nodes   map[string]*node // what is in it, if the value is a table
	meta    *toml.MetaData   // nil for the whole file
	written toml.Primitive
}

// parseTree reads the file's syntax. Its error is a toml.ParseError.
func parseTree(data []byte) (*node, error) {
	var values map[string]toml.Primitive
	meta, err := toml.Decode(string(data), &values)
	if err != nil {
		return nil, err
	}
	nodes, err := grow(&meta, nil, values)
	return &node{nodes: nodes}, err
}

func grow(meta *toml.MetaData, key toml.Key, values map[string]toml.Primitive) (map[string]*node, error) {
	nodes := make(map[string]*node, len(values))
	for name, value := range values {
		n := &node{key: append(key[:len(key):len(key)], name), meta: meta, written: value}
		if err := meta.PrimitiveDecode(value, &n.value); err != nil {
			return nil, err
		}
		if _, ok := n.value.(map[string]any); ok {
			if err := n.open(meta, value); err != nil {
				return nil, err
			}
		}
		nodes[name] = n
	}
	return nodes, nil
}

// open reads what is in a table.
func (n *node) open(meta *toml.MetaData, value toml.Primitive) error {
	var values map[string]toml.Primitive
	if err := meta.PrimitiveDecode(value, &values); err != nil {
		return err
	}
	nodes, err := grow(meta, n.key, values)
	n.nodes = nodes
	return err
}

// lineNear is the line of the key, or of the nearest table around it of which a line is known: toml
// knows none for a key that is the empty string.
func (n *node) lineNear(key []string) int {
	var way []*node
	for _, name := range key {
		inner, ok := n.nodes[name]
		if !ok {
			break
		}
		way, n = append(way, inner), inner
	}
	for _, n := range slices.Backward(way) {
		if line := n.line(); line > 0 {
			return line
		}
	}
	return 0
}

// line is where the value begins, or the table's header; of a table without one, its first key. To find
// it, toml goes through the whole file: so it is asked for what is wrong alone, not for each key.
func (n *node) line() int {
	line := lineOf(n.meta, n.written)
	if line > 0 {
		return line
	}
	for _, inner := range n.nodes {
		if at := inner.line(); line == 0 || at < line {
			line = at
		}
	}
	return line
}

// lineOf is the line of a value. toml knows it but shows it only in the errors of an Unmarshaler:
// so one refuses the value.
func lineOf(meta *toml.MetaData, value toml.Primitive) int {
	err, _ := errors.AsType[toml.ParseError](meta.PrimitiveDecode(value, &refusing{}))
	return err.Position.Line
}

type refusing struct{}

var errRefused = errors.New("refused")

func (*refusing) UnmarshalTOML(any) error { return errRefused }
