package org.vcpusim.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.vcpusim.kvm.Fault;
import org.vcpusim.kvm.Protocol;

/** The scenarios in {@code conf/scenarios}: that they can be read, end, and leave every bitmap and pin in order. */
class BundledScenarioTest {
    private static final Path FOLDER = Path.of("conf", "scenarios");

    static List<Path> files() throws IOException {
        try (Stream<Path> files = Files.list(FOLDER)) {
            return files.filter(file -> file.toString().endsWith(".conf"))
                    .sorted()
                    .toList();
        }
    }

    @Test
    void theFolderHoldsTheseScenarios() throws IOException {
        assertEquals(
                List.of(
                        "apic-disabled.conf",
                        "apic-off.conf",
                        "apicv-inhibit.conf",
                        "clashing-ids.conf",
                        "destinations.conf",
                        "edge-and-level.conf",
                        "first-and-last-pin.conf",
                        "first.conf",
                        "halt-poll.conf",
                        "ioapic-snapshot.conf",
                        "ipi-ring.conf",
                        "irqfd-masked.conf",
                        "irqfd-removed.conf",
                        "irqfd-resample.conf",
                        "masked-line.conf",
                        "moved-while-requested.conf",
                        "nested-apic.conf",
                        "nested-deferrals.conf",
                        "nested-posted.conf",
                        "nested.conf",
                        "pit-reinjection.conf",
                        "posted-interrupts.conf",
                        "priorities-in-software.conf",
                        "priorities.conf",
                        "retarget-in-service.conf",
                        "snapshot.conf",
                        "split-irqchip.conf",
                        "start-up.conf",
                        "storm-over.conf",
                        "storm-pause.conf",
                        "storm.conf",
                        "suppressed-eois.conf",
                        "synic-auto-eoi.conf",
                        "synic-sources.conf",
                        "synic-union.conf",
                        "thousand.conf",
                        "virtual-wire.conf",
                        "wide-destinations.conf",
                        "x2apic-clusters.conf",
                        "x2apic-switch.conf"),
                files().stream().map(file -> file.getFileName().toString()).toList());
    }

    @ParameterizedTest
    @MethodSource("files")
    void openWithASentenceThatSaysWhatTheyShow(Path file) throws IOException {
        String title = ScenarioFile.read(file).title();
        assertEquals("# " + title, Files.readAllLines(file).get(0));
        assertTrue(title.matches("[A-Z].*\\."), title);
    }

    @ParameterizedTest
    @MethodSource("files")
    void comeToRestWithEveryBitmapAndPinInOrder(Path file) {
        Scenario scenario = ScenarioFile.read(file);
        long seeds = scenario.machine().vcpuCount() > 8 || scenario.name().equals("storm") ? 1 : 25;
        for (Protocol protocol : Protocol.values()) {
            for (long seed = 1; seed <= seeds; seed++) {
                assertEquals(
                        Map.of(),
                        new TrialRun(scenario.withProtocol(protocol), seed).findings(),
                        protocol + " " + seed);
            }
        }
    }

    @Test
    void aBitmapOfGarbageIsFound() {
        Scenario scenario = ScenarioFile.read(FOLDER.resolve("first.conf"));
        Map<String, Integer> found =
                new TrialRun(scenario.withFaults(EnumSet.of(Fault.UNINITIALISED_BITMAP)), 1).findings();
        assertTrue(found.toString().contains("EoiExitBitmapAudited"), found::toString);
    }

    @ParameterizedTest
    @CsvSource(textBlock = """
            first,               EoiReceived,                  25
            retarget-in-service, EoiReceived,                  10
            synic-union,         EoiVirtualized,                5
            split-irqchip,       IoapicEoiPended,              25
            split-irqchip,       GsiRoutingSet,                16
            synic-auto-eoi,      HvSynicEoiSent,                1
            synic-auto-eoi,      ApicvInhibitsStored,           2
            apicv-inhibit,       ApicvInhibitsStored,           6
            apicv-inhibit,       InterruptTaken,               50
            irqfd-resample,      ResampleSignalled,            30
            pit-reinjection,     InterruptTaken,               30
            storm,               IoapicEoiInjectDelayed,        1
            apic-disabled,       EoiReceived,                  10
            ipi-ring,            ApicIpiSent,                  40
            thousand,            ApicIpiSent,                3069
            posted-interrupts,   VirtualInterruptDelivered,    30
            posted-interrupts,   VcpuScheduledOut,             30
            halt-poll,           HaltPollChanged,               8
            destinations,        MsiSet,                        3
            destinations,        InterruptAccepted,            25
            x2apic-clusters,     InterruptAccepted,             7
            priorities,          TaskPriorityChanged,          10
            start-up,            SipiStarted,                   1
            nested-apic,         NestedExitInjected,            6
            storm-over,          EoiReceived,                   25
            storm-pause,         EoiReceived,                   4
            virtual-wire,        InterruptTaken,                9
            irqfd-removed,       AckNotifiersChanged,           4
            synic-sources,       SintRead,                     32
            clashing-ids,        ApicIdentityChanged,           9
            wide-destinations,   MsiSet,                        5
            x2apic-switch,       InterruptTaken,               12
            snapshot,            LapicStateSet,                 2
            start-up,            NmiUnblocked,                  2
            masked-line,         EoiReceived,                   3
            apic-off,            ApicIdentityChanged,          15
            first-and-last-pin,  RemoteIrrCleared,              6
            ioapic-snapshot,     IoapicStateRestored,           1
            irqfd-masked,        ResampleSignalled,             6
            nested-deferrals,    NestedExitInjected,            5
            suppressed-eois,     IrqAcknowledged,               6
            nested-posted,       NestedInterruptsSynced,        2
            moved-while-requested, EoiReceived,                 4
            """)
    void showWhatTheySay(String name, String event, int count) {
        Scenario scenario = ScenarioFile.read(FOLDER.resolve(name + ".conf"));
        int counted = new TrialRun(scenario, 3).count(event);
        assertTrue(counted >= count, event + " " + counted);
    }
}
