package conf

import (
	"errors"

	"github.com/BurntSushi/toml"
)

// A node is one key of the file: its value and where it stands.
type node struct {
	key   toml.Key
	line  int              // where the value begins, or the table's header; of a table without one, its first key
	value any              // as toml decodes it
	nodes map[string]*node // what is in it, if the value is a table
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
		n := &node{key: append(key[:len(key):len(key)], name), line: lineOf(meta, value)}
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
	if n.line == 0 {
		for _, inner := range nodes {
			if n.line == 0 || inner.line < n.line {
				n.line = inner.line
			}
		}
	}
	return err
}

// lineNear is the line of the key, or of the nearest table around it of which a line is known: toml
// knows none for a key that is the empty string.
func (n *node) lineNear(key []string) int {
	line := n.line
	for _, name := range key {
		inner, ok := n.nodes[name]
		if !ok {
			break
		}
		n = inner
		if n.line > 0 {
			line = n.line
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
