export const dynamic = 'force-dynamic';

export default function Home() {
  return <h1>Next.js, process {process.pid}</h1>;
}
