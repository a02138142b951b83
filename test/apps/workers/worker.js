// Does one job after the other, each of JOB_MS, and writes what it does into JOURNAL. When it is told to stop it ends
// the job that it has. Code of a version that begins with "bad" does not start.
const fs = require('fs')

const version = fs.readFileSync('VERSION', 'utf8').trim()
const say = (what) => fs.appendFileSync(process.env.JOURNAL, `${process.env.PURSER_WORKER} ${process.pid} ${process.env.PURSER_GENERATION} ${version} ${what}\n`)
if (version.startsWith('bad')) {
  console.error('no such queue')
  process.exit(3)
}
let stopping = false
process.on('SIGTERM', () => { stopping = true; say('told') })
say('started')
const work = () => {
  if (stopping) {
    say('ended')
    process.exit(0)
  }
  say('begins')
  setTimeout(() => { say('finished'); work() }, Number(process.env.JOB_MS || 400))
}
work()
