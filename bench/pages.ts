/** `node bench/pages.ts`: writes docs/benchmarks.md and docs/capacity.md from the figures that were kept, which every command does at its end. */
import { writeFile } from 'node:fs/promises';
import { bytesPart } from './bytes-report.ts';
import { callsPart } from './calls-report.ts';
import { capacityPage } from './capacity-page.ts';
import { type Figures, keptFigures } from './figures.ts';
import { overloadPart } from './overload-report.ts';
import { peerPart } from './peer-report.ts';
import { profilePart } from './profile-report.ts';
import { providersPart } from './providers-report.ts';
import { scalePart } from './scale-report.ts';
import { scriptsPart } from './scripts-report.ts';

export interface Pages {
  readonly benchmarks: string;
  readonly capacity: string;
}

const HEAD = `# Benchmarks

Each part is written by the command that it names, from the figures in [bench/figures](../bench/figures); do not edit.

**Servers, Redis and the load generator share the cores of one machine: trust ratios, not absolutes.** The generator is a process of
its own (grpc-js clients; plain \`node:http\` for JSON) and costs about as much as what it measures. Where a server is not busy all
the time, calls/s say as much about the generator as about the server; its processor time, as the kernel accounts for it, says what a
call costs, whoever waits for whom. Latencies in a closed loop are about calls under way / throughput.`;

export function pagesOf(figures: Partial<Figures>): Pages {
  const { calls, profile, peer, scripts, bytes, scale, overload, providers } = figures;
  const parts = [
    HEAD,
    calls && callsPart(calls),
    profile && profilePart(profile),
    peer && peerPart(peer),
    scripts && scriptsPart(scripts),
    bytes && bytesPart(bytes),
    scale && scalePart(scale),
    overload && overloadPart(overload),
    providers && providersPart(providers),
  ];
  const benchmarks = parts.filter((part) => part !== undefined).map((part) => part.trim());
  return { benchmarks: `${benchmarks.join('\n\n')}\n`, capacity: capacityPage(figures) };
}

export async function writePages(): Promise<Pages> {
  const pages = pagesOf(keptFigures());
  for (const [name, text] of Object.entries(pages))
    await writeFile(new URL(`../docs/${name}.md`, import.meta.url), text);
  return pages;
}

if (import.meta.main) await writePages();
