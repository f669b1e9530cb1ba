package org.vcpusim.scenario;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.vcpusim.kvm.Fault;
import org.vcpusim.kvm.KernelVersion;
import org.vcpusim.kvm.Rules;

/** Reads where a machine departs from Linux: {@code kernel}, then {@code without}, {@code with} and {@code faults}. */
final class RulesReader {
    /** Its keys. */
    static final List<String> KEYS = List.of("kernel", "without", "with", "faults");

    private final Located root;

    RulesReader(Located root) {
        this.root = root;
    }

    Rules read() {
        Rules rules = root.get("kernel").map(RulesReader::kernel).map(Rules::of).orElse(Rules.UPSTREAM);
        List<String> without = new ArrayList<>();
        for (Located name : elements("without", "a list of fixes, B01 to B49, and of faults by their keys")) {
            String word = name.text("a fix or a fault");
            rules = rules.without(word).orElseThrow(() -> name.wrong("one of " + RulesChange.missable()));
            without.add(word.toLowerCase(Locale.ROOT));
        }
        for (Located name : elements("with", "a list of fixes, B01 to B49, and of hazards to be cured of")) {
            String word = name.text("a fix, a fault or a hazard");
            if (without.contains(word.toLowerCase(Locale.ROOT))) {
                throw name.wrong("absent, since without names it");
            }
            rules = rules.with(word)
                    .orElseThrow(() -> name.wrong("one of " + RulesChange.missable() + ", " + RulesChange.cures()));
        }
        return rules.and(faults());
    }

    private static KernelVersion kernel(Located found) {
        String text = found.text("a release of Linux such as 4.14");
        try {
            return KernelVersion.known(text);
        } catch (IllegalArgumentException e) {
            throw found.wrong(String.valueOf(e.getMessage()).replaceFirst("^must be ", ""));
        }
    }

    private List<Fault> faults() {
        List<String> keys = Arrays.stream(Fault.values()).map(Fault::key).toList();
        List<Fault> faults = new ArrayList<>();
        for (Located fault : elements("faults", "a list of " + String.join(", ", keys))) {
            Fault chosen = Fault.values()[keys.indexOf(fault.oneOf(keys))];
            if (faults.contains(chosen)) {
                throw fault.wrong("named once");
            }
            faults.add(chosen);
        }
        return faults;
    }

    private List<Located> elements(String key, String must) {
        return root.get(key).map(found -> found.elements(must)).orElse(List.of());
    }
}
