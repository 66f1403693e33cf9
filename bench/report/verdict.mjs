/** Whether a requirement is met, in a word or two. @param {import('./requirements.mjs').Requirement} requirement */
export function verdict({ bound, limit, goal, measured, judged: figure = measured, missing }, judged) {
  if (missing !== undefined) return `MISSING: ${missing}`;
  if (measured === undefined) return 'FAILED';
  if (!judged) return 'ran';
  if (bound === undefined) return '';
  const reaches = (mark) => (bound === 'at least' ? figure >= mark : figure <= mark);
  if (reaches(goal)) return 'goal';
  return reaches(limit) ? 'met' : 'NOT MET';
}
