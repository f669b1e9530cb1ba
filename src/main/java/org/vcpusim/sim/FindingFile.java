package org.vcpusim.sim;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import org.vcpusim.kvm.Fault;
import org.vcpusim.kvm.Hazard;
import org.vcpusim.kvm.Rules;
import org.vcpusim.schedule.Schedule;
import org.vcpusim.sim.StressReport.Group;

/** Files with one finding each, and all that it takes to run its schedule again. */
public final class FindingFile {
    private static final int VARINT_BITS = 7;
    private static final int VARINT_MORE = 1 << VARINT_BITS;

    private FindingFile() {}

    /**
     * Writes a file for every finding and hazard of {@code report} into {@code folder}, which is made if it is not there; a
     * file of that name is replaced.
     *
     * @param scenario the text of the scenario's file
     * @return the files, in the order of the report's groups
     * @throws UncheckedIOException where one cannot be written
     */
    public static List<Path> writeAll(Path folder, StressReport report, String scenario) {
        List<Path> files = new ArrayList<>();
        try {
            for (Group group : report.groups()) {
                Files.createDirectories(folder);
                Path file = folder.resolve(String.format(
                        Locale.ROOT,
                        "%s-%s-%d.json",
                        report.plan().scenario().name(),
                        group.hazard().map(Enum::name).orElse(group.invariant()),
                        group.firstSchedule()));
                Files.writeString(file, document(report.plan(), group, scenario) + System.lineSeparator());
                files.add(file);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return files;
    }

    private static String document(StressPlan plan, Group group, String scenario) {
        ObjectNode root = new ObjectMapper().createObjectNode();
        root.put("schema", 1)
                .put("invariant", group.invariant())
                .put("rule", group.title())
                .put("sentence", group.first().sentence())
                .put("detail", group.first().detail());
        group.hazard().ifPresent(hazard -> root.put("hazard", hazard.name()));
        root.put("record", group.first().at().order());
        Rules rules = plan.scenario().machine().rules();
        root.put("scenario", plan.scenario().name())
                .put("vcpus", plan.scenario().machine().vcpuCount());
        ArrayNode faults = root.putArray("faults");
        rules.faults().stream().map(Fault::key).forEach(faults::add);
        ArrayNode cures = root.putArray("cures");
        Arrays.stream(Hazard.values()).filter(rules::cures).map(Enum::name).forEach(cures::add);
        root.put("strategy", plan.strategy().label())
                .put("seed", plan.rootSeed())
                .put("schedule", group.firstSchedule())
                .put("steps", group.picks().size())
                .put("picks", packed(group.picks()))
                .put("scenarioText", scenario);
        return root.toPrettyString();
    }

    /** The picks in base 64: seven bits a byte, the lowest first, bit 7 set where more follow. */
    static String packed(Schedule picks) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(picks.size());
        for (int i = 0; i < picks.size(); i++) {
            int rest = picks.actor(i);
            while (rest >= VARINT_MORE) {
                bytes.write(rest & VARINT_MORE - 1 | VARINT_MORE);
                rest >>>= VARINT_BITS;
            }
            bytes.write(rest);
        }
        return Base64.getEncoder().encodeToString(bytes.toByteArray());
    }

    /** The schedule that {@link #packed} has packed. */
    static Schedule unpacked(String text) {
        byte[] bytes = Base64.getDecoder().decode(text);
        int[] picks = new int[bytes.length];
        int count = 0;
        int shift = 0;
        for (byte b : bytes) {
            picks[count] |= (b & VARINT_MORE - 1) << shift;
            boolean more = b < 0;
            shift = more ? shift + VARINT_BITS : 0;
            count += more ? 0 : 1;
        }
        return Schedule.ofFirst(count, picks);
    }
}
