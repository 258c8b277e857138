/**
 * Puts the settings of src/config/schema.ts under `config` in the schema of the chart's values, so that a mistake in the
 * configuration fails at `helm install`.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { settingsSchema } from '../src/config/schema.ts';

const FILE = join(import.meta.dirname, '../helm/countersign/values.schema.json');
/** What the chart sets by itself. Secrets are left out as well: they come from `existingSecret`. */
const SET_BY_CHART = new Set(['mode', 'listen', 'callbacks']);

type Json = z.core.JSONSchema.BaseSchema;

function ofFile(schema: Json): Json {
  const properties = Object.entries(schema.properties ?? {}).flatMap(([key, value]) =>
    typeof value === 'boolean' || value.secret === true ? [] : [[key, ofFile(value)]],
  );
  const { env: _, secret: __, properties: ___, ...rest } = schema;
  return schema.properties ? { ...rest, properties: Object.fromEntries(properties) } : rest;
}

const { $schema: _, ...settings } = ofFile(z.toJSONSchema(settingsSchema(true), { io: 'input' }));
const kept = Object.entries(settings.properties ?? {}).filter(([key]) => !SET_BY_CHART.has(key));
const values = JSON.parse(readFileSync(FILE, 'utf8'));
values.properties.config = { ...settings, properties: Object.fromEntries(kept) };
writeFileSync(FILE, `${JSON.stringify(values, null, 2)}\n`);
