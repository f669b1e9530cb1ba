package org.vcpusim.sim;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.vcpusim.schedule.SeededRandom;

/**
 * Small scenarios, each decided by a number: few vCPUs, pins and vectors, so that they meet; every kind of instruction of guests
 * and devices; any machine. A line that is raised falls again, so that most of them come to rest.
 */
final class RandomScenario {
    private static final int[] VECTORS = {0x31, 0x41, 0x42, 0x81};
    private static final int[] PINS = {16, 17, 8};
    private static final int MOST_STEPS = 60_000;

    private final SeededRandom random;
    private final int vcpus;
    private final boolean split;
    private final boolean x2apic;
    private final boolean hyperv;
    private final boolean pit;
    private final boolean nested;
    private final boolean shared;
    private final List<String> devices = new ArrayList<>();

    private RandomScenario(long number) {
        random = new SeededRandom(number);
        vcpus = 1 + random.nextInt(4);
        split = oneIn(4);
        x2apic = oneIn(4);
        hyperv = oneIn(4);
        pit = !split && oneIn(8);
        nested = oneIn(6);
        shared = oneIn(4);
    }

    /** The text of the scenario with that number. */
    static String text(long number) {
        return new RandomScenario(number).text();
    }

    private String text() {
        String machine = machine();
        String devicesText = devices();
        return machine + handlers("") + guests() + devicesText;
    }

    private boolean oneIn(int n) {
        return random.nextInt(n) == 0;
    }

    private String pick(String... words) {
        return words[random.nextInt(words.length)];
    }

    private int vcpu() {
        return random.nextInt(vcpus);
    }

    private int pin() {
        return PINS[random.nextInt(PINS.length)];
    }

    private String vector() {
        return "vector " + VECTORS[random.nextInt(VECTORS.length)];
    }

    private String machine() {
        List<String> keys = new ArrayList<>();
        keys.add("vcpus = " + vcpus);
        keys.add("protocol = " + pick("scan-then-load", "scan-then-load", "load-eoi-exitmap"));
        keys.add("apicv = " + (oneIn(4) ? "off" : "on"));
        keys.add("apic = " + (x2apic ? "x2apic" : "xapic"));
        keys.add("logical-ids = " + (x2apic ? "none" : pick("none", "flat", "cluster")));
        if (split) {
            keys.add("irqchip = split");
            keys.add("suppress-eoi-broadcast = " + pick("quirk", "enabled", "disabled"));
        } else if (oneIn(8)) {
            keys.add("routing = default");
        }
        if (oneIn(12)) {
            keys.add("eoi-broadcasts = suppressed");
        }
        if (hyperv) {
            keys.add("synic = [0x42]");
        }
        if (pit) {
            keys.add("pit = " + pick("reinject", "discard"));
        }
        if (shared) {
            keys.add("physical-cpus = " + (1 + random.nextInt(vcpus)));
        }
        if (oneIn(8)) {
            keys.add("halt-poll = 50us");
        }
        keys.add("limits { steps = " + MOST_STEPS + " }");
        String entries = IntStream.of(PINS)
                .filter(pin -> !oneIn(3))
                .mapToObj(pin -> "  " + pin + " = " + entry())
                .collect(Collectors.joining("\n"));
        keys.add("ioapic {\n" + entries + (pit ? "\n  0 = vector 0x31 to 0" : "") + "\n}");
        return String.join("\n", keys) + "\n";
    }

    private String entry() {
        return low() + " " + destination();
    }

    private String low() {
        return vector()
                + pick("", "", "", "", " lowest")
                + pick("", " level", " level")
                + pick("", "", " logical")
                + pick("", "", "", " masked");
    }

    private String destination() {
        return "to " + pick("all", "" + vcpu(), "" + vcpu(), "" + vcpu(), "" + random.nextInt(16));
    }

    private String handlers(String indent) {
        return indent + "handlers {\n"
                + IntStream.of(VECTORS)
                        .mapToObj(vector -> indent + "  " + vector + " = [" + handler() + "]\n")
                        .collect(Collectors.joining())
                + indent + "}\n";
    }

    private String handler() {
        List<String> steps = new ArrayList<>();
        if (!shared) {
            devices.forEach(device -> steps.add("acknowledge " + device));
        }
        if (oneIn(4)) {
            steps.add(pick("sti", "compute 1us", "nop", "sti, compute 1us, cli", "exit"));
        }
        if (oneIn(8)) {
            steps.add(rare());
        }
        steps.add(oneIn(8) && hyperv ? "wrmsr 0x40000070 0" : "eoi");
        if (oneIn(8)) {
            steps.add(pick("nop", "sti", "eoi"));
        }
        return String.join(", ", steps);
    }

    private String guests() {
        StringBuilder text = new StringBuilder("guests {\n");
        for (int v = 0; v < vcpus; v++) {
            text.append("  g").append(v).append(" {\n    vcpus = ").append(v).append('\n');
            if (oneIn(8) && !x2apic) {
                text.append("    apic = ")
                        .append(pick("x2apic\n    logical-ids = none", "disabled"))
                        .append('\n');
            }
            boolean hypervisor = nested && oneIn(2);
            text.append("    do = [")
                    .append(oneIn(6) ? "" : "sti, ")
                    .append(program(hypervisor))
                    .append("]\n");
            if (hypervisor) {
                text.append(l2());
            }
            text.append("  }\n");
        }
        return text.append("}\n").toString();
    }

    private String program(boolean hypervisor) {
        int length = 1 + random.nextInt(6);
        return IntStream.range(0, length)
                .mapToObj(i -> hypervisor && oneIn(3) ? "enter-l2" : oneIn(2) ? common() : rare())
                .collect(Collectors.joining(", "));
    }

    private String l2() {
        String own = pick(
                "",
                "",
                ", use-tpr-shadow, virtualize-apic-accesses, apic-register-virtualization, virtual-interrupt-delivery");
        return "    l2 {\n      controls = ["
                + pick("external-interrupt-exiting, acknowledge-interrupt-on-exit", "external-interrupt-exiting")
                + pick("", ", hlt-exiting") + own + "]\n      eoi-exits = [0x41]\n      do = ["
                + pick("sti, ", "") + pick("compute 1us", "hlt", "eoi, compute 1us") + ", "
                + pick("compute 1us", "ipi vector 0x41 to self", "set-low 16 " + low()) + "]\n    }\n";
    }

    private String common() {
        return switch (random.nextInt(10)) {
            case 0 -> "set-entry " + pin() + " " + entry();
            case 1 -> "set-high " + pin() + " " + destination();
            case 2 -> "set-low " + pin() + " " + low();
            case 3 -> pick("mask ", "unmask ") + pin();
            case 4, 5 ->
                "ipi " + vector() + pick("", "", "", " lowest", " logical") + " "
                        + pick("to self", "to others", "to all", "to " + vcpu(), "to " + vcpu());
            case 6 -> "hlt";
            case 7 -> "compute " + (1 + random.nextInt(20)) + "us";
            case 8 -> pick("sti", "cli", "exit", "nop");
            default -> pick("set-cr8 ", "apic-write TASKPRI 0x") + pick("0", "3", "4", "8");
        };
    }

    private String rare() {
        return switch (random.nextInt(16)) {
            case 0 -> "ipi vector 0x31 " + pick("nmi", "init", "smi") + " to " + vcpu();
            case 1 -> "ipi vector 0x1 sipi to " + vcpu();
            case 2 -> "apic-write SPIV " + pick("0xff", "0x1ff", "0x11ff");
            case 3 -> "wrmsr 0x1b " + pick("0xfee00000", "0xfee00800", "0xfee00c00");
            case 4 -> "apic-write LDR 0x0" + (1 + random.nextInt(8)) + "000000";
            case 5 -> "apic-write DFR " + pick("0xffffffff", "0x0fffffff");
            case 6 -> "apic-write ID 0x0" + random.nextInt(4) + "000000";
            case 7 -> "apic-write SELF_IPI " + VECTORS[random.nextInt(VECTORS.length)];
            case 8 -> "write 0xfee000b0 " + pick("4", "8") + " 0";
            case 9 ->
                hyperv ? "synic-sint " + random.nextInt(3) + " " + vector() + pick("", " auto-eoi", " masked") : "nop";
            case 10 -> hyperv ? "wrmsr 0x40000084 0" : "eoi";
            case 11 -> "wrmsr 0x80b " + pick("0", "1");
            case 12 ->
                "ioapic-write " + (0x10 + 2 * pin() + random.nextInt(2)) + " "
                        + pick("0", "0x8031", "0x10041", "0x1000000");
            case 13 -> "rdmsr 0x1b";
            case 14 -> "read 0xfec00010 4";
            default -> common();
        };
    }

    private String devices() {
        int count = 1 + random.nextInt(3);
        StringBuilder text = new StringBuilder("devices {\n");
        for (int d = 0; d < count; d++) {
            String name = "d" + d;
            boolean lined = !oneIn(3) && d < PINS.length;
            boolean resample = lined && !split && oneIn(4);
            if (lined) {
                devices.add(name);
            }
            text.append("  ").append(name).append(" {");
            text.append(lined ? " line = " + PINS[d] : "").append(resample ? ", irqfd = resample" : "");
            text.append(lined ? ", " : " ")
                    .append("do = [")
                    .append(stimuli(lined, resample))
                    .append("] }\n");
        }
        return text.append("}\n").toString();
    }

    private String stimuli(boolean lined, boolean resample) {
        int length = 1 + random.nextInt(4);
        String steps = IntStream.range(0, length)
                .mapToObj(i -> lined && !oneIn(4) ? lineStep() : messageStep())
                .collect(Collectors.joining(", "));
        String end = lined ? ", deassert" : "";
        return steps + end + (resample && oneIn(3) ? ", remove-irqfd" : "");
    }

    private String lineStep() {
        return pick("assert", "pulse", "assert, await-acknowledge", "assert, delay 5us, deassert", "delay 2us");
    }

    private String messageStep() {
        return switch (random.nextInt(12)) {
            case 0, 1, 2 ->
                "msi " + vector() + pick("", " level", " lowest", " hint") + pick("", " logical") + " " + destination();
            case 3 -> "delay " + (1 + random.nextInt(30)) + "us";
            case 4 -> "block-irq " + vcpu() + ", delay 5us, unblock-irq " + vcpu();
            case 5 -> "restore-lapic " + vcpu() + " " + vector();
            case 6 -> split ? "delay 1us" : "save-ioapic, delay 3us, restore-ioapic";
            case 7 -> shared ? "preempt " + vcpu() : "delay 1us";
            case 8 -> shared ? "post " + vector() + " to " + vcpu() : "delay 2us";
            case 9 -> "interrupt-host " + vector() + " to " + vcpu();
            case 10 -> hyperv ? "sint " + random.nextInt(3) + " to " + vcpu() : "msi vector 0x31 nmi to " + vcpu();
            default -> pit ? "pit-tick, pit-tick" : "msi vector 0x42 to all";
        };
    }
}
