/**
 * Where things stand on the flow sheet, after figure 1 of Downs and Vogel, "A plant-wide industrial
 * process control problem", Computers & Chemical Engineering 17(3), 1993. Coordinates are those of
 * the drawing; y of a value or valve is its middle.
 */

export const SIZE = { width: 1330, height: 776 };

/** Areas behind the process units; `titleX` is where the title begins. */
export const ZONES = [
  { unit: "feed", title: "Feeds", x: 12, y: 80, width: 318, height: 220 },
  { unit: "feed", title: "Feed", x: 688, y: 536, width: 300, height: 96 },
  { unit: "reactor", title: "Reactor", x: 386, y: 262, width: 276, height: 446 },
  { unit: "recycle", title: "Recycle and purge", x: 668, y: 78, width: 650, height: 138 },
  { unit: "separator", title: "Condenser and separator", x: 668, y: 230, width: 388, height: 290 },
  { unit: "stripper", title: "Stripper", x: 1068, y: 372, width: 250, height: 374, titleX: 1172 },
];

/** Pipes in the order of the streams, then cooling water; each ends with an arrow. */
export const PIPES = [
  "M64 130 H345",
  "M64 200 H345",
  "M64 270 H345",
  "M750 600 H1088",
  "M1125 430 V24 H345 V428 H398",
  "M520 352 H848",
  "M885 290 V138",
  "M885 84 V58 H345",
  "M885 180 H1116 A9 9 0 0 1 1134 180 H1312",
  "M885 450 V490 H1088",
  "M1125 650 V718 H1312",
  "M1318 580 H1162",
];
export const SIDE_PIPES = [
  "M885 76 H956 V154 H887",
  "M425 690 V545 L445 530 L475 545 L500 530 V690",
  "M715 470 V268",
];
/** From a stream to its analyser. */
export const SAMPLE_LINES = ["M345 366 H262", "M1268 180 V226", "M1125 700 H1052"];

export const STREAMS = [
  { number: 1, x: 300, y: 130 },
  { number: 2, x: 300, y: 200 },
  { number: 3, x: 300, y: 270 },
  { number: 4, x: 1020, y: 600 },
  { number: 5, x: 1125, y: 328 },
  { number: 6, x: 345, y: 400 },
  { number: 7, x: 620, y: 352 },
  { number: 8, x: 720, y: 58 },
  { number: 9, x: 1082, y: 180 },
  { number: 10, x: 1068, y: 490 },
  { number: 11, x: 1125, y: 676 },
];

/** Where material comes in or goes out, and other words on the drawing. */
export const SOURCES = [
  { text: "A", x: 24, y: 130, width: 40 },
  { text: "D", x: 24, y: 200, width: 40 },
  { text: "E", x: 24, y: 270, width: 40 },
  { text: "A+C", x: 698, y: 600, width: 52 },
];
export const WORDS = [
  { text: "Purge", x: 1312, y: 168, anchor: "end" },
  { text: "Product", x: 1310, y: 738, anchor: "end" },
  { text: "Steam", x: 1310, y: 552, anchor: "end" },
  { text: "cooling water", x: 462, y: 704, anchor: "middle" },
  { text: "cooling water", x: 715, y: 486, anchor: "middle" },
  { text: "Compressor", x: 800, y: 150, anchor: "middle" },
];

/** Valves; `turned` stands on a vertical pipe. Their positions in % stand at `at`. */
export const VALVES = [
  { tag: "xmv_3", x: 116, y: 130, at: [130, 104] },
  { tag: "xmv_1", x: 116, y: 200, at: [130, 174] },
  { tag: "xmv_2", x: 116, y: 270, at: [130, 244] },
  { tag: "xmv_4", x: 790, y: 600, at: [790, 574] },
  { tag: "xmv_5", x: 956, y: 115, at: [1012, 115], turned: true },
  { tag: "xmv_6", x: 985, y: 180, at: [1000, 154] },
  { tag: "xmv_7", x: 1020, y: 490, at: [1012, 464] },
  { tag: "xmv_8", x: 1286, y: 718, at: [1278, 692] },
  { tag: "xmv_9", x: 1173, y: 580, at: [1202, 552] },
  { tag: "xmv_10", x: 425, y: 618, at: [431, 646], turned: true },
  { tag: "xmv_11", x: 715, y: 430, at: [772, 430], turned: true },
];
export const AGITATOR = { tag: "xmv_12", at: [520, 300] };

/** Measurements at their places with the letter of what they measure, left edge and middle. */
export const VALUES = [
  { tag: "xmeas_1", letter: "F", x: 156, y: 130 },
  { tag: "xmeas_2", letter: "F", x: 156, y: 200 },
  { tag: "xmeas_3", letter: "F", x: 156, y: 270 },
  { tag: "xmeas_4", letter: "F", x: 840, y: 600 },
  { tag: "xmeas_5", letter: "F", x: 560, y: 58 },
  { tag: "xmeas_6", letter: "F", x: 254, y: 330 },
  { tag: "xmeas_7", letter: "P", x: 528, y: 392 },
  { tag: "xmeas_9", letter: "T", x: 528, y: 422 },
  { tag: "xmeas_8", letter: "L", x: 528, y: 452 },
  { tag: "xmeas_21", letter: "T", x: 528, y: 600 },
  { tag: "xmeas_20", letter: "J", x: 730, y: 122 },
  { tag: "xmeas_10", letter: "F", x: 1136, y: 180 },
  { tag: "xmeas_22", letter: "T", x: 728, y: 290 },
  { tag: "xmeas_13", letter: "P", x: 926, y: 320 },
  { tag: "xmeas_11", letter: "T", x: 926, y: 350 },
  { tag: "xmeas_12", letter: "L", x: 926, y: 380 },
  { tag: "xmeas_14", letter: "F", x: 870, y: 490 },
  { tag: "xmeas_16", letter: "P", x: 1174, y: 440 },
  { tag: "xmeas_18", letter: "T", x: 1174, y: 470 },
  { tag: "xmeas_15", letter: "L", x: 1174, y: 500 },
  { tag: "xmeas_19", letter: "F", x: 1190, y: 580 },
  { tag: "xmeas_17", letter: "F", x: 1134, y: 718 },
];

/** Tables of components; `first` to `last` are numbers of measurements. */
export const ANALYSERS = [
  { title: "Analyser of stream 6, mol%", x: 24, y: 352, columns: 2, first: 23, last: 28 },
  { title: "Stream 9, mol%", x: 1133, y: 228, columns: 2, first: 29, last: 36 },
  { title: "Analyser of stream 11, mol%", x: 820, y: 652, columns: 2, first: 37, last: 41 },
];

/** Vessels, filled up to the level that a measurement in % says. */
export const VESSELS = [
  { unit: "reactor", level: "xmeas_8", x: 400, y: 330, width: 120, height: 230, round: 36 },
  { unit: "separator", level: "xmeas_12", x: 850, y: 290, width: 70, height: 160, round: 30 },
  { unit: "stripper", level: "xmeas_15", x: 1090, y: 430, width: 70, height: 220, round: 24 },
];
