// Runs the suite against the server that is named, and prints what did not pass: its kind, its id and why.
import fetch from 'node-fetch'
import { runTests, getResults } from 'http-cache-tests/client/runner.mjs'
import suites from 'http-cache-tests/tests/index.mjs'

const tests = suites.flatMap(suite => suite.tests)
const unmet = (id, results) => {
  const test = tests.find(t => t.id === id)
  return (test.depends_on || []).some(on => results[on] !== true)
}
await runTests(suites, fetch, false, process.argv[2])
const results = getResults()
for (const [id, result] of Object.entries(results)) {
  const kind = tests.find(t => t.id === id).kind || 'required'
  if (result !== true) console.log([unmet(id, results) ? 'depends' : kind, id, result[0], result[1]].join('\t'))
}
console.log(['ran', Object.keys(results).length].join('\t'))
