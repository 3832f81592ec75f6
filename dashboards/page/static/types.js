/**
 * Shapes of what the server sends, for editors and readers; no code.
 *
 * @typedef {{id: string, title: string, unit: string, area: string, normal: number,
 *   kind: "measurement"|"valve"}} Tag
 * @typedef {{number: number, title: string, kind: string}} Disturbance
 * @typedef {{name: string, low: number, high: number, unit: string}} Setpoint
 * @typedef {{value: number, label: string}} Threshold
 * @typedef {{id: string, title: string, description: string, kind: string, unit: string,
 *   width: number, height: number, row: string, folded: boolean, log: boolean, held: boolean,
 *   lowest: number|null, highest: number|null, each: string|null,
 *   thresholds: Threshold[]}} Panel `each`: one panel for each value of this variable
 * @typedef {{name: string, label: string, options: string[]}} Variable
 * @typedef {{id: string, title: string, description: string, variables: Variable[],
 *   panels: Panel[]}} Dashboard
 * @typedef {{database: string, every_seconds: number, tags: Tag[],
 *   areas: {id: string, title: string}[], units: string[], stages: string[],
 *   disturbances: Disturbance[], setpoints: Setpoint[],
 *   limits: {flagged: number, alarm: number}, can_steer: boolean, can_operate: boolean,
 *   dashboards: Dashboard[]}} Catalogue
 *
 * @typedef {{tag: string, share: number, value: number, normal: number}} Contribution
 * @typedef {{idv: number, probability: number}} Suspect
 * @typedef {{score: number, p_value: number, grade: number}} UnitScore
 * @typedef {{state: string, p_value: number|null, grade: number|null, alarm: string|null,
 *   contributions: Contribution[], suspects: Suspect[],
 *   units: Record<string, UnitScore>}} Monitor
 * @typedef {{alarm: string, state: string, shelved: boolean, unit: string, onset_ms: number,
 *   onset_hours: number, duration_hours: number, p_value: number,
 *   contributions: Contribution[], suspects: Suspect[]}} Alarm
 * @typedef {{plant: string, run: string, time_ms: number, process_hours: number|null,
 *   values: Record<string, number|null>,
 *   scores: Record<string, {score: number|null, state: string}>, monitor: Monitor|null,
 *   alarms: Alarm[], sensors: {tag: string, failure: string}[], disturbances: number[],
 *   setpoints: Record<string, number>, state: string|null}} Plant
 * @typedef {{now_ms: number, stale: string|null, plants: Plant[]}} Snapshot
 *
 * @typedef {{columns: {name: string, type: string}[], rows: any[][]}} Answer
 * @typedef {{time_ms: number, title: string, kind: string}} Annotation
 */

export {};
