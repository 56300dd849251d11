import { parseArgs } from 'node:util';

/** The command line that scale, latency and layers have in common. */
export interface StudyOptions {
  /** Parts to be measured; empty: all. */
  readonly names: readonly string[];
  readonly quick: boolean;
  readonly rounds: number | null;
  readonly seconds: number | null;
  readonly save: boolean;
  readonly list: boolean;
}

export const STUDY_USAGE = `  --quick        shorter and coarser
  --rounds N     rounds of fresh processes
  --seconds S    measured time of a sample
  --save         also keep the results in benchmarks/results/, for npm run bench:report
  --list         name the parts`;

/** Reads the command line. @throws TypeError that says what is wrong with it. */
export function parseStudyOptions(
  words: readonly string[],
  known: readonly string[],
): StudyOptions {
  const { values, positionals } = parseArgs({
    args: [...words],
    allowPositionals: true,
    options: {
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      quick: { type: 'boolean', default: false },
      save: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
    },
  });
  const stranger = positionals.find((name) => !known.includes(name));
  if (stranger !== undefined) {
    throw new TypeError(
      known.length === 0
        ? `${stranger}: there are no parts to choose from`
        : `no ${stranger}; there are: ${known.join(' ')}`,
    );
  }
  return {
    names: positionals,
    rounds: positiveNumber('--rounds', values.rounds),
    seconds: positiveNumber('--seconds', values.seconds),
    quick: values.quick,
    save: values.save,
    list: values.list,
  };
}

export function positiveNumber(option: string, text: string | undefined): number | null {
  if (text === undefined) return null;
  const value = Number(text);
  if (!(value > 0)) throw new TypeError(`${option} takes a positive number, not ${text}`);
  return value;
}

/** The options, or the end of the process with what was wrong. */
export function studyOptionsOrExit(usage: string, known: readonly string[]): StudyOptions {
  try {
    return parseStudyOptions(process.argv.slice(2), known);
  } catch (error) {
    console.error(`${String(error)}\n\n${usage}\n${STUDY_USAGE}`);
    process.exit(2);
  }
}
