/**
 * The alerts in Prometheus's own engine, over what /metrics shows while the scenes take place: each fires at the first
 * event that ever was, and is silent when nothing is wrong. Without promtool the suite is skipped; that each alert has its
 * series is tested in test/ops/alerts.test.ts, too.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { ROOT } from '../support/markdown.ts';
import { findPromtool, type Promtool } from './promtool.ts';
import { SCENES, type Scene } from './scenes.ts';
import { bornLate, RULES, RULES_FILE, scrapesOf, startedMetrics } from './scrapes.ts';

const found = findPromtool();
const missing = typeof found === 'string';
if (missing) process.stderr.write(`alerts: NOT TESTED on this machine: ${found}\n`);
const promtool = found as Promtool;

const folder = mkdtempSync(join(tmpdir(), 'countersign-alerts-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const INSTANCE = 'instance="10.0.0.1:9090",job="countersign"';

/** What promtool writes into its storage: a value per minute, `_` where there is none. */
function inputSeries(scrapes: readonly Map<string, string>[]): { series: string; values: string }[] {
  const names = [...new Set(scrapes.flatMap((samples) => [...samples.keys()]))];
  return names.map((name) => ({
    series: name.includes('{') ? name.replace('}', `,${INSTANCE}}`) : `${name}{${INSTANCE}}`,
    values: scrapes.map((samples) => samples.get(name) ?? 'stale').join(' '),
  }));
}

/** The labels and annotations with which the scene's alert is expected. */
function expectedOf({ alert, fires }: Scene): object[] {
  const rule = RULES.find((each) => each.alert === alert);
  if (rule === undefined || fires === null) return [];
  const filled = Object.entries(rule.annotations).map(([name, text]) => [
    name,
    text.replace(/{{ \$labels\.(\w+) }}/g, (_, label) => fires[label] ?? ''),
  ]);
  return [{ exp_labels: { ...rule.labels, ...fires }, exp_annotations: Object.fromEntries(filled) }];
}

/** Runs one scene in promtool. */
function verdict(scene: Scene, scrapes: readonly Map<string, string>[]): { code: number | null; output: string } {
  const file = join(folder, 'scene.yaml');
  const scenes = {
    rule_files: [join(ROOT, RULES_FILE)],
    evaluation_interval: '1m',
    tests: [
      {
        interval: '1m',
        input_series: inputSeries(scrapes),
        alert_rule_test: [{ eval_time: `${scene.at}m`, alertname: scene.alert, exp_alerts: expectedOf(scene) }],
      },
    ],
  };
  writeFileSync(file, stringify(scenes, { lineWidth: 0, aliasDuplicateObjects: false }));
  return promtool(['test', 'rules', file]);
}

test.skipIf(missing)('promtool understands every rule', () => {
  const { code, output } = promtool(['check', 'rules', join(ROOT, RULES_FILE)]);
  expect({ code, output }).toMatchObject({ code: 0, output: expect.stringContaining(`${RULES.length} rules found`) });
});

test.skipIf(missing)(
  'promtool finds nothing to say about the metrics, but for those that their library brings along',
  async () => {
    const { output } = promtool(['check', 'metrics'], await startedMetrics().render());
    const said = output.split('\n').filter((line) => line !== '');
    expect(said.filter((line) => !/^nodejs_active_(handles|requests|resources)_total /.test(line))).toEqual([]);
  },
);

describe.skipIf(missing)('each alert', () => {
  const fires = SCENES.filter((scene) => scene.fires !== null);
  const silent = SCENES.filter((scene) => scene.fires === null);

  test.each(fires)('$alert fires: $name', async (scene) => {
    const { code, output } = verdict(scene, await scrapesOf(scene));
    expect({ code, output }).toMatchObject({ code: 0 });
  });

  test.each(silent)('$alert is silent: $name', async (scene) => {
    const { code, output } = verdict(scene, await scrapesOf(scene));
    expect({ code, output }).toMatchObject({ code: 0 });
  });
});

describe.skipIf(missing)('negative control', () => {
  test('series that are born at their first event would have silenced these', async () => {
    const silenced: string[] = [];
    for (const scene of SCENES.filter(({ fires }) => fires !== null)) {
      if (verdict(scene, bornLate(await scrapesOf(scene))).code !== 0) silenced.push(scene.alert);
    }
    const unlabelled = ['CountersignMissing', 'CountersignStoreLost', 'CountersignFaults'];
    // A gauge needs no earlier value, and an overload that is worth an alert goes on.
    const others = [...unlabelled, 'CountersignProviderLeftAlone', 'CountersignOverloaded'];
    expect(silenced).toEqual(RULES.map(({ alert }) => alert).filter((alert) => !others.includes(alert)));
  });

  test('a scene that expects nothing where an alert fires is red', async () => {
    for (const scene of SCENES.filter(({ fires }) => fires !== null)) {
      expect(verdict({ ...scene, fires: null }, await scrapesOf(scene)).code, scene.alert).not.toBe(0);
    }
  });
});
