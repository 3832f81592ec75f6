package benchmarks;

import com.amazon.randomcutforest.RandomCutForest;
import com.amazon.randomcutforest.config.Precision;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.sun.management.OperatingSystemMXBean;
import java.io.File;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * CPU time of AWS's Random Cut Forests for readings of a plant: each is parsed, and in each stage
 * scored, then learned, on one thread.
 *
 * <p>Arguments: a file of JSON readings, a line each; records to warm up with, not measured; trees;
 * sample size; time decay; initial accept fraction; seed; then for each stage its fields, separated
 * by commas. The answer is one line of JSON on standard output.
 */
public final class AwsForests {
    private static final double NANOSECONDS = 1e9;

    /** The fields that make one point of a forest, and the forest. */
    private static final class Stage {
        final int[] columns;
        final float[] point;
        final RandomCutForest forest;

        Stage(int[] columns, RandomCutForest forest) {
            this.columns = columns;
            this.point = new float[columns.length];
            this.forest = forest;
        }

        double scoreThenLearn(double[] row) {
            for (int i = 0; i < columns.length; i++) {
                point[i] = (float) row[columns[i]];
            }
            double score = forest.getAnomalyScore(point);
            forest.update(point);
            return score;
        }
    }

    /** What the thread, and the process with its collector and compiler, have spent so far. */
    private static final class Cpu {
        final long thread = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
        final long process =
                ((OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean())
                        .getProcessCpuTime();
    }

    private AwsForests() {}

    public static void main(String[] arguments) throws IOException {
        int warmUp = Integer.parseInt(arguments[1]);
        Map<String, Integer> columnOfField = new HashMap<>();
        List<Stage> stages = new ArrayList<>();
        for (int i = 7; i < arguments.length; i++) {
            stages.add(stage(arguments[i].split(","), arguments, columnOfField));
        }
        double[] row = new double[columnOfField.size()];
        double scores = 0;
        int records = 0;
        Cpu before = null;
        try (JsonParser parser = new JsonFactory().createParser(new File(arguments[0]))) {
            while (parser.nextToken() == JsonToken.START_OBJECT) {
                if (records == warmUp) {
                    before = new Cpu();
                    scores = 0;
                }
                read(parser, columnOfField, row);
                for (Stage stage : stages) {
                    scores += stage.scoreThenLearn(row);
                }
                records++;
            }
        }
        if (before == null) {
            throw new IllegalArgumentException("no more than " + records + " records to read");
        }
        Cpu after = new Cpu();
        int measured = records - warmUp;
        System.out.printf(
                Locale.ROOT,
                "{\"records\":%d,\"thread_cpu_seconds\":%.6f,\"process_cpu_seconds\":%.6f,"
                        + "\"mean_score\":%.6f}%n",
                measured,
                (after.thread - before.thread) / NANOSECONDS,
                (after.process - before.process) / NANOSECONDS,
                scores / measured / stages.size());
    }

    private static Stage stage(
            String[] fields, String[] arguments, Map<String, Integer> columnOfField) {
        int[] columns = new int[fields.length];
        for (int i = 0; i < fields.length; i++) {
            Integer known = columnOfField.putIfAbsent(fields[i], columnOfField.size());
            columns[i] = known == null ? columnOfField.get(fields[i]) : known;
        }
        RandomCutForest forest =
                RandomCutForest.builder()
                        .dimensions(fields.length)
                        .numberOfTrees(Integer.parseInt(arguments[2]))
                        .sampleSize(Integer.parseInt(arguments[3]))
                        .timeDecay(Double.parseDouble(arguments[4]))
                        .initialAcceptFraction(Double.parseDouble(arguments[5]))
                        .randomSeed(Long.parseLong(arguments[6]))
                        .parallelExecutionEnabled(false)
                        .precision(Precision.FLOAT_32)
                        .build();
        return new Stage(columns, forest);
    }

    /** One flat object's fields into their columns; the others are passed over. */
    private static void read(JsonParser parser, Map<String, Integer> columnOfField, double[] row)
            throws IOException {
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
            Integer column = columnOfField.get(parser.currentName());
            JsonToken value = parser.nextToken();
            if (column != null) {
                row[column] = parser.getDoubleValue();
            } else if (value.isStructStart()) {
                parser.skipChildren();
            }
        }
    }
}
